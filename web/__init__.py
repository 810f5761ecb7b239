"""What every page and answer of ours shares: security headers, CSRF, language, errors, templates and static files."""
