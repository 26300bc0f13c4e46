"""SchemaImporter: the TFDV schema that rows are held against."""
