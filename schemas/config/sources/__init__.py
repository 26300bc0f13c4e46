"""Where rows come from: a class for each kind of rows and format, with the fields that it needs."""
