import collections
import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ulmfit_tfx.components.encoder_importer.torch_file import read_torch_file
from ulmfit_tfx.schemas.errors import DataError

DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?"]
BOTH_FORMATS = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def refusal(path) -> str:
    with pytest.raises(DataError) as error:
        read_torch_file(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


# What is read


@given(data=st.data(), legacy=st.booleans(), protocol=st.sampled_from([2, 3, 4, 5]))
@SHARED_FOLDER
def test_tensors_of_any_dtype_shape_and_strides_come_out_as_they_went_in(
    tmp_path, torch_writer, data, legacy, protocol
):
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    stored = data.draw(hnp.arrays(data.draw(st.sampled_from(DTYPES)), shape))
    axes = data.draw(st.permutations(range(stored.ndim)))
    slices = tuple(slice(data.draw(st.integers(0, 1)), None, data.draw(st.integers(1, 2))) for _ in shape)
    view = stored.transpose(axes)[(*slices, ...)]
    offset = (view.__array_interface__["data"][0] - stored.__array_interface__["data"][0]) // stored.itemsize
    strides = tuple(step // stored.itemsize for step in view.strides)
    tensor = torch_writer.Tensor(torch_writer.Storage(stored), offset if view.size else 0, view.shape, strides)
    path = torch_writer.save(tmp_path / "x.pth", {"tensor": tensor}, legacy=legacy, protocol=protocol)
    read = read_torch_file(path)["tensor"]
    assert read.dtype == stored.dtype
    np.testing.assert_array_equal(read, view, strict=True)


@BOTH_FORMATS
def test_tensors_share_a_storage(tmp_path, torch_writer, legacy):
    values = np.arange(12, dtype="f4")
    storage = torch_writer.Storage(values)
    tensors = [torch_writer.Tensor(storage, 0, (3, 4), (4, 1)), torch_writer.Tensor(storage, 1, (4, 2), (1, 4))]
    first, second = read_torch_file(torch_writer.save(tmp_path / "x.pth", tensors, legacy))
    np.testing.assert_array_equal(first, values.reshape(3, 4))
    np.testing.assert_array_equal(second, [[1, 5], [2, 6], [3, 7], [4, 8]])


@BOTH_FORMATS
def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path, torch_writer, legacy):
    halves = np.array([0x3F80, 0xC000, 0x3E20, 0x7F80, 0x0001], "u2")
    tensor = torch_writer.Tensor(torch_writer.Storage(halves, "BFloat16Storage"), 0, (5,), (1,))
    read = read_torch_file(torch_writer.save(tmp_path / "x.pth", [tensor], legacy))[0]
    assert read.dtype == np.float32
    assert read.tolist() == [1.0, -2.0, 0.15625, np.inf, 2.0**-133]


def test_storages_of_a_big_endian_machine(tmp_path, torch_writer):
    tensor = torch_writer.Tensor(torch_writer.Storage(np.array([1.5, -2], ">f4"), "FloatStorage"), 0, (2,), (1,))
    read = read_torch_file(torch_writer.save(tmp_path / "x.pth", [tensor], byteorder=b"big"))[0]
    assert read.dtype == np.float32
    assert read.tolist() == [1.5, -2]


def test_legacy_storage_may_be_a_part_of_another(tmp_path, torch_writer):
    storage = torch_writer.Storage(np.arange(6, dtype="f4"), view=("1234", 2, 3))
    path = torch_writer.save(tmp_path / "x.pth", [torch_writer.Tensor(storage, 1, (2,), (1,))], legacy=True)
    assert read_torch_file(path)[0].tolist() == [3, 4]
    storage.view = ("1234", 4, 3)
    assert "outside of its storage" in refusal(
        torch_writer.save(path, [np.ones(1), torch_writer.Tensor(storage, 0, (1,), (1,))], True)
    )


@BOTH_FORMATS
def test_plain_values_and_what_else_a_learner_saves(tmp_path, torch_writer, legacy):
    make, call = torch_writer.Global, torch_writer.Call
    plain = {"wd": 0.5, "step": -3, "big": 1 << 70, "none": None, "flags": [True, False], "betas": (0.9, 0.99, 1, 2)}
    learner = {
        "plain": plain,
        "state": collections.OrderedDict(a=1),
        "size": call(make("torch", "Size"), ((2, 3),)),
        "device": call(make("torch", "device"), ("cuda", 0)),
        "parameter": call(
            make("torch._utils", "_rebuild_parameter"), (np.ones(2, "f4"), True, collections.OrderedDict())
        ),
        "old": call(make("torch._utils", "_rebuild_tensor"), (torch_writer.Storage(np.ones(2, "f4")), 0, (2,), (1,))),
        "scalars": [np.float64(0.1), np.float32(0.5), np.int64(-4), np.bool_(True)],
        "fastcore": call(make("fastcore.foundation", "L"), (), {"items": [{"lr": 1e-3}]}),
    }
    read = read_torch_file(torch_writer.save(tmp_path / "x.pth", learner, legacy))
    assert read["plain"] == plain
    assert (read["state"], read["size"], read["device"]) == ({"a": 1}, (2, 3), "cuda:0")
    assert [read["parameter"].tolist(), read["old"].tolist()] == [[1, 1], [1, 1]]
    assert read["scalars"] == [0.1, 0.5, -4, True]
    assert "fastcore" in read


@pytest.mark.parametrize("name", ["ulmfit-tiny", "multifit-tiny"])
def test_files_of_fastai_hold_the_same_model(fastai_files, name):
    learner = read_torch_file(fastai_files / f"{name}.pth")
    bare = read_torch_file(fastai_files / f"{name}_state_dict.pth")
    assert set(learner) == {"model", "opt"}
    assert list(learner["model"]) == list(bare)
    for key, tensor in bare.items():
        np.testing.assert_array_equal(learner["model"][key], tensor, strict=True)


# What is refused


def hostile_calls(torch_writer, victim):
    make, call = torch_writer.Global, torch_writer.Call
    code = f"open({str(victim)!r}, 'w')"
    return {
        "posix.system": call(make("posix", "system"), (f"touch {victim}",)),
        "os.system": call(make("os", "system"), (f"touch {victim}",)),
        "builtins.eval": call(make("builtins", "eval"), (code,)),
        "__builtin__.exec": call(make("__builtin__", "exec"), (code,)),
        "builtins.open": call(make("builtins", "open"), (str(victim), "w")),
        "builtins.getattr": call(make("builtins", "getattr"), ("x", "format")),
        "pathlib.Path.touch": call(make("pathlib", "Path.touch"), (str(victim),)),
        "collections.OrderedDict.__init__.__globals__": make("collections", "OrderedDict.__init__.__globals__"),
        "torch._utils._rebuild_tensor_v2.__globals__": make("torch._utils", "_rebuild_tensor_v2.__globals__"),
        "torch.serialization.os.system": make("torch.serialization", "os.system"),
        "torch.storage._load_from_bytes": call(make("torch.storage", "_load_from_bytes"), (b"",)),
        "numpy.load": call(make("numpy", "load"), (str(victim),)),
        "subprocess.Popen": call(make("subprocess", "Popen"), (["touch", str(victim)],)),
    }


@BOTH_FORMATS
@pytest.mark.parametrize("where", ["model", "opt"])
@pytest.mark.parametrize("number", range(13))
def test_hostile_pickle_runs_nothing_and_is_named(tmp_path, torch_writer, legacy, where, number):
    name, hostile = list(hostile_calls(torch_writer, tmp_path / "victim").items())[number]
    learner = {"model": {"0.encoder.weight": np.ones((3, 2), "f4")}, "opt": {}}
    learner[where]["x"] = hostile
    message = refusal(torch_writer.save(tmp_path / "x.pth", learner, legacy))
    assert message.startswith(
        f"refused: its pickle asks for {name}, which is not part of a PyTorch state dict. Nothing was loaded or run."
    )
    assert not (tmp_path / "victim").exists()


class Reduced:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return open, (str(self.victim), "w")


@pytest.mark.parametrize("protocol", [2, 4])
@BOTH_FORMATS
def test_pickle_of_pythons_own_writer_runs_nothing(tmp_path, torch_writer, legacy, protocol):
    pickled = pickle.dumps({"model": Reduced(tmp_path / "victim")}, protocol)
    path = tmp_path / "x.pth"
    (torch_writer.save_legacy if legacy else torch_writer.save_zip)(path, pickled, {})
    assert "asks for io.open" in refusal(path) or "asks for _io.open" in refusal(path)
    pickle.loads(pickled)
    assert (tmp_path / "victim").exists()


def test_hostile_legacy_header_runs_nothing(tmp_path, torch_writer):
    path = torch_writer.save(tmp_path / "x.pth", {}, legacy=True)
    header = path.read_bytes()[:15]
    assert header.endswith(b".")
    path.write_bytes(header + pickle.dumps(Reduced(tmp_path / "victim"), 2))
    assert "asks for" in refusal(path)
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(
    ("operations", "reason"),
    [
        (b"\x8c\x02os\x8c\x06system\x93", "asks for os.system"),
        (b"\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93", "asks for collections.OrderedDict.__class__"),
        (b"\x8c\x0d\x1b[31m\nre\xc3\xa9d..\x8c\x01x\x93", r"asks for \x1b[31m\nre\xe9d...x"),
        (b"(ios\nsystem\n", "operation b'i'"),
        (b"(cos\nsystem\no", "asks for os.system"),
        (b"\x82\x01", "operation"),
        (b"]2", "operation b'2'"),
        (b"U\x01x", "operation b'U'"),
        (b"ccollections\nOrderedDict\n}b", "sets the state of a Name"),
        (b"]}b", "sets the state of a list"),
        (b"ctorch\nFloatStorage\n)R", "calls torch.FloatStorage"),
        (b"])R", "calls something that it did not name"),
        (b"})\x81", "calls something that it did not name"),
        (b"}))s", "a tuple as a dict's key"),
        (b"c_codecs\nencode\n(X\x04\x00\x00\x00abcdX\x05\x00\x00\x00rot13tR", "_codecs.encode"),
        (b"c_codecs\nencode\n(X\x11\x00\x00\x00" + b"a" * 17 + b"X\x06\x00\x00\x00latin1tR", "_codecs.encode"),
        (b"cnumpy\ndtype\n(X\x01\x00\x00\x00OtR", "not numbers"),
        (b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8tR", "not numbers"),
        (b"ctorch\ndevice\nX\x11\x00\x00\x00" + b"a" * 17 + b"\x85R", "damaged"),
        (b"NQ", "damaged"),
        (b"]h\x07", "damaged"),
        (b"0", "operation b'0'"),
        (b"a", "damaged"),
        (b"e", "damaged"),
        (b"}Na", "damaged"),
        (b"](Nu", "damaged"),
        (b"ccollections\nOrderedDict\n]\x85R", "damaged"),
        (b"X\x01\x00\x00\x00\xff", "damaged"),
        (b"X\xff\xff\xff\x7fabc", "truncated"),
        (b"B\xff\xff\xff\xffabc", "truncated"),
        (b"c" + b"x" * 1000 + b"\n", "a name is longer than 256 bytes"),
        (b"", "damaged"),
    ],
)
@BOTH_FORMATS
def test_operations_that_no_state_dict_needs_are_refused(tmp_path, torch_writer, legacy, operations, reason):
    path = tmp_path / "x.pth"
    (torch_writer.save_legacy if legacy else torch_writer.save_zip)(path, b"\x80\x02" + operations + b".", {})
    message = refusal(path)
    assert reason in message
    assert message.isprintable()


def test_pickle_that_is_longer_than_any_models_is_refused(tmp_path, torch_writer):
    torch_writer.save_zip(tmp_path / "x.pth", b"\x80\x02X\x00\x00\x00\x01" + b"a" * (1 << 24) + b".", {})
    assert "longer than 16,777,216 bytes" in refusal(tmp_path / "x.pth")


def test_nested_and_repeated_values_cost_no_more_than_their_bytes(tmp_path, torch_writer):
    nested = b"]q\x00" + b"".join(b"](" + bytes([0x68, n, 0x68, n]) + b"e" + bytes([0x71, n + 1]) for n in range(200))
    torch_writer.save_zip(tmp_path / "x.pth", b"\x80\x02" + nested + b".", {})
    assert len(read_torch_file(tmp_path / "x.pth")) == 2
    repeated = b"ccollections\nOrderedDict\n(" + b"]" * 9 + b"tR"
    torch_writer.save_zip(tmp_path / "x.pth", b"\x80\x02" + repeated + b".", {})
    assert "damaged" in refusal(tmp_path / "x.pth")


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (7,), (1,)),
        (1, (6,), (1,)),
        (0, (3,), (3,)),
        (0, (2, 3), (4, 1)),
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        (0, (-1,), (1,)),
        (0, (2, 3), (1,)),
        (0, (6, 6), (1, 0)),
        (0, (1 << 40,), (0,)),
        (0, (1 << 62, 1 << 62), (1, 1)),
        (1 << 70, (1,), (1,)),
        (0, (1,) * 40, (1,) * 40),
        (0, (0, 1 << 62, 1 << 62), (1, 1, 1)),
        (0, (True,), (1,)),
        (0.0, (2,), (1,)),
        (0, [2], (1,)),
        (0, "6", (1,)),
    ],
)
@BOTH_FORMATS
def test_tensor_outside_of_its_storage_is_refused(tmp_path, torch_writer, legacy, offset, size, stride):
    tensor = torch_writer.Tensor(torch_writer.Storage(np.arange(6, dtype="f4")), offset, size, stride)
    path = torch_writer.save(tmp_path / "x.pth", [tensor], legacy)
    assert any(word in refusal(path) for word in ("outside of its storage", "repeats", "impossible sizes", "damaged"))


@pytest.mark.parametrize("numel", [0, 5, 7, 1 << 40, 1 << 62, -1, True, 6.0])
@BOTH_FORMATS
def test_storage_of_another_size_than_declared_is_refused(tmp_path, torch_writer, legacy, numel):
    storage = torch_writer.Storage(np.arange(6, dtype="f4"), numel=numel)
    legacy = legacy and isinstance(numel, int) and numel >= 0  # else its header could not be written
    path = torch_writer.save(tmp_path / "x.pth", [torch_writer.Tensor(storage, 0, (1,), (1,))], legacy)
    assert any(word in refusal(path) for word in ("expected", "truncated", "damaged", "repeats"))


def test_storage_is_not_taken_for_a_tensor_nor_a_tensor_for_a_storage(tmp_path, torch_writer):
    inner = torch_writer.Tensor(torch_writer.Storage(np.ones((2, 2), "f4")), 0, (2, 2), (2, 1))
    outer = torch_writer.Tensor(inner, 0, (2,), (1,))
    assert "damaged" in refusal(torch_writer.save(tmp_path / "x.pth", [outer]))
    call = torch_writer.Call(torch_writer.Global("torch._utils", "_rebuild_parameter"), (inner.storage, True, None))
    assert "damaged" in refusal(torch_writer.save(tmp_path / "x.pth", [call]))


def test_other_storage_kinds_are_refused(tmp_path, torch_writer):
    tensor = torch_writer.Tensor(torch_writer.Storage(np.ones(2, "f4"), "QInt8Storage"), 0, (2,), (1,))
    assert "asks for torch.QInt8Storage" in refusal(torch_writer.save(tmp_path / "x.pth", [tensor]))


def test_whole_model_is_refused_with_what_to_save(tmp_path, torch_writer):
    model = torch_writer.Call(torch_writer.Global("fastai.text.models.awdlstm", "AWD_LSTM"), ())
    message = refusal(torch_writer.save(tmp_path / "x.pth", model))
    assert "asks for fastai.text.models.awdlstm.AWD_LSTM" in message
    assert message.endswith("Save its weights alone, with learner.save or model.state_dict().")


# Damaged archives


def rewritten(path, change):
    """Writes a zip archive anew; `change` gets and gives its records [(name, content)]."""
    with zipfile.ZipFile(path) as archive:
        records = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, *options in change(records):
            archive.writestr(name, content, *options)
    return path


def test_compressed_record_is_refused_before_it_is_inflated(tmp_path, torch_writer):
    path = torch_writer.save(tmp_path / "x.pth", [np.zeros(100_000, "f4")])
    rewritten(path, lambda records: [(name, content, zipfile.ZIP_DEFLATED) for name, content in records])
    assert "compressed or encrypted, which torch never does" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_records_of_one_name_are_refused(tmp_path, torch_writer):
    path = rewritten(torch_writer.save(tmp_path / "x.pth", [np.ones(3)]), lambda records: [*records, records[-1]])
    assert "overlap" in refusal(path)


def test_overlapping_records_are_refused(tmp_path, torch_writer):
    path = torch_writer.save(tmp_path / "x.pth", [np.ones(1000)])
    data = path.read_bytes()
    directory = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entries = data[directory:end]
    twice = entries.replace(b"x/data/0", b"x/data/1")
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 6, 6, 2 * len(entries), directory, 0)
    path.write_bytes(data[:directory] + entries + twice + tail)
    assert "overlap" in refusal(path)


def test_missing_and_short_records_are_named(tmp_path, torch_writer):
    path = torch_writer.save(tmp_path / "x.pth", [np.ones(3)])
    rewritten(path, lambda records: [record for record in records if "/data/" not in record[0]])
    assert refusal(path) == "its record x/data/0 is missing."
    rewritten(path, lambda records: [*records, ("x/data/0", b"1234")])
    assert "storage 0 has 4 bytes, expected 24 (3 numbers of torch.DoubleStorage)" in refusal(path)


def test_changed_byte_is_found_by_its_checksum(tmp_path, torch_writer):
    path = torch_writer.save(tmp_path / "x.pth", [np.full(3, 0.625)])
    path.write_bytes(path.read_bytes().replace(struct.pack("<d", 0.625), struct.pack("<d", 0.875), 1))
    assert "the record x/data/0 does not have the checksum" in refusal(path)


@BOTH_FORMATS
def test_file_cut_anywhere_is_said_to_be_truncated(tmp_path, torch_writer, legacy):
    path = torch_writer.save(tmp_path / "x.pth", {"model": {"a": np.ones((3, 2), "f4"), "b": np.ones(2)}}, legacy)
    whole = path.read_bytes()
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        assert "truncated" in refusal(path), size


@given(position=st.integers(0, 10_000), value=st.integers(0, 255), legacy=st.booleans())
@settings(SHARED_FOLDER, max_examples=300)
def test_changed_byte_never_ends_in_another_error(tmp_path, torch_writer, position, value, legacy):
    path = torch_writer.save(
        tmp_path / "x.pth", {"model": {"a": np.ones((3, 2), "f4")}, "opt": [np.float64(1)]}, legacy
    )
    changed = bytearray(path.read_bytes())
    changed[position % len(changed)] = value
    path.write_bytes(changed)
    try:
        read_torch_file(path)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017  # either is right


OPERATIONS = [b"\x80\x02", b"N", b"K\x01", b"X\x01\x00\x00\x00a", b"C\x01a", b"\x8a\x01\xff", b")", b"]", b"}", b"("]
OPERATIONS += [
    b"t",
    b"\x85",
    b"\x86",
    b"\x87",
    b"a",
    b"e",
    b"s",
    b"u",
    b"q\x00",
    b"h\x00",
    b"\x94",
    b"Q",
    b"R",
    b"\x81",
    b"b",
]
OPERATIONS += [b"ccollections\nOrderedDict\n", b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nFloatStorage\n"]
OPERATIONS += [
    b"cnumpy\ndtype\n",
    b"cnumpy.core.multiarray\nscalar\n",
    b"cfastcore.foundation\nL\n",
    b"ctorch\ndevice\n",
]


@given(operations=st.lists(st.sampled_from(OPERATIONS) | st.binary(min_size=1, max_size=2), max_size=30))
@settings(SHARED_FOLDER, max_examples=500)
def test_no_order_of_operations_ends_in_another_error(tmp_path, torch_writer, operations):
    torch_writer.save_zip(tmp_path / "x.pth", b"".join(operations) + b".", {})
    try:
        read_torch_file(tmp_path / "x.pth")
    except DataError as error:
        assert str(error).isprintable()  # noqa: PT017  # either is right


# Not files of torch.save


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.ones(2))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty, expected a file of torch.save"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"epoch,loss\n1,2\n", "is a text, expected a file of torch.save"),
        (b"\n<!DOCTYPE html><title>Sign in", "is an HTML or XML page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
        (b"\x1f\x8b\x08" + bytes(99), "is a gzip file"),
        ((80).to_bytes(8, "little") + b'{"a":{"dtype":"F32"}}' + bytes(99), "is a safetensors file"),
        (pickle.dumps({"a": 1}), "is a pickle of another kind"),
        (bytes(257) + b"ustar" + bytes(500), "is a tar archive"),
        (bytes(range(1, 256)), "is a file of an unknown kind"),
        (npz(), "is a zip file without a NAME/data.pkl, so not of torch.save. It holds a.npy"),
        (b"PK", "is truncated: it has 2 bytes"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path, content, reason):
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_missing_file_and_folder_are_named(tmp_path):
    assert refusal(tmp_path / "x.pth") == "no such file."
    assert "is a folder" in refusal(tmp_path)


def test_torchscript_is_named(tmp_path, torch_writer):
    path = torch_writer.save(tmp_path / "x.pth", {}, **{"constants.pkl": b""})
    assert "is a TorchScript program" in refusal(path)
