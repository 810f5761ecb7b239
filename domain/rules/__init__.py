"""Pure, versioned rules: brands and their numbers, prices, assessments. They run in activities and their results are recorded."""
