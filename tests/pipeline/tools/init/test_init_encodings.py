import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.pipeline.tools.init.encodings import encoding_of, likely_encoding

SAMPLES = {
    "cp1252": "Le café est fermé; désolé, “à bientôt” naïve Grüße señor",
    "cp1250": "Proszę o załącznik, wszystkie łodzie płynęły źle, żółte gęsi",
    "cp1251": "Добрый день, посылка не пришла, верните деньги",
    "koi8-r": "Добрый день, посылка не пришла, верните деньги",
    "cp932": "この商品はとても良いです。配送も早かったので、また買いたいと思います。",
}


@pytest.mark.parametrize(("name", "text"), SAMPLES.items())
def test_old_encoding_is_told_by_its_words(name, text):
    found = likely_encoding(text.encode(name))
    assert found.name == name
    assert not found.is_certain


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_byte_order_mark_leaves_no_doubt(tmp_path, name):
    (tmp_path / "rows.csv").write_bytes("text,label\nfine,a\n".encode(name))
    assert encoding_of(str(tmp_path / "rows.csv")) == (name, True)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_is_utf8_is_never_taken_for_anything_else(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_bytes(text.encode())
    if not text.encode().startswith((b"\xff\xfe", b"\xfe\xff")):
        assert encoding_of(str(file)) == ("utf-8", True)


def test_first_foreign_byte_may_stand_far_from_the_beginning(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_bytes(b"plain words\n" * 300_000 + "caf\xe9 ferm\xe9\n".encode("cp1252"))
    assert encoding_of(str(file)) == ("cp1252", False)


def test_character_cut_by_a_read_is_no_foreign_byte(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_bytes(("a" + "é" * (1 << 20)).encode())
    assert encoding_of(str(file)) == ("utf-8", True)
