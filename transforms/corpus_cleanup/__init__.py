"""What ingestion does to texts and rows before they are examples."""
