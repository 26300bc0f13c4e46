"""The section `corpus_statistics`: what is counted in unlabelled text and in the texts of the train split."""

from pydantic import Field, PositiveInt

from ulmfit_tfx.schemas.section import Section


class CorpusStatisticsConfig(Section):
    """Vectors of pieces, and topics of texts, for the head's branches."""

    window: int = Field(5, ge=1, le=20, description="largest distance of two pieces that count as neighbours")
    vector_size: PositiveInt = Field(100, description="numbers in the vector of a piece")
    topics: PositiveInt = Field(200, description="of texts, by latent semantic analysis")
    pair_buckets: int = Field(2**16, ge=2, le=2**22, description="numbers that pairs of neighbouring pieces share")
    topic_texts: PositiveInt = Field(
        20_000, description="texts that topics are computed from; of a larger corpus a sample"
    )
    topic_pieces: PositiveInt = Field(1_000, description="of each of these texts, the first so many pieces")
    max_pairs: PositiveInt = Field(
        30_000_000, description="pairs of pieces held in memory, 12 bytes each: of more, the most frequent ones"
    )
