"""CorpusStatistics: what unlabelled text tells of pieces, by counting."""
