"""Files that a bank takes orders by and answers with, by a described format; nothing here sends anything."""
