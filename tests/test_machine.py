"""What decides the last bits of a training is recorded each session; what differs is named."""

from dataclasses import replace

import pytest

from sweep.system import host
from sweep.training.machine_differences import describe_differences

MACHINE = host.Machine(
    flags=["avx2", "avx512f", "fma"],
    environment={"ONEDNN_MAX_CPU_ISA": "AVX2", "XLA_FLAGS": "--x"},
    hash_seed="0",
    libc="glibc 2.36",
)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, []),
        ({"flags": ["fma", "avx512f", "avx2"]}, []),
        ({"flags": ["avx2", "fma"]}, ["with another instruction set: without avx512f"]),
        (
            {"flags": ["amx_tile", "avx2", "fma"]},
            ["with another instruction set: without avx512f, with amx_tile"],
        ),
        (
            {"environment": {"TF_ENABLE_ONEDNN_OPTS": "0", "XLA_FLAGS": "--y"}},
            [
                "with ONEDNN_MAX_CPU_ISA=nothing in place of AVX2",
                "with TF_ENABLE_ONEDNN_OPTS=0 in place of nothing",
                "with XLA_FLAGS=--y in place of --x",
            ],
        ),
        ({"hash_seed": "random"}, ["with another hash seed: 0, then random"]),
        ({"libc": "glibc 2.41"}, ["with another C library: glibc 2.36, then glibc 2.41"]),
    ],
)
def test_what_differs_between_two_sessions_is_named(other, said):
    assert list(describe_differences(MACHINE, replace(MACHINE, **other))) == said


@pytest.mark.parametrize(
    ("name", "is_recorded"),
    [
        *((name, True) for name in ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS")),
        *((name, True) for name in ("TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC")),
        *((name, True) for name in ("NVIDIA_TF32_OVERRIDE", "KERAS_MAX_EPOCHS", "TF_XLA_FLAGS")),
        *((name, False) for name in ("TF_CPP_MIN_LOG_LEVEL", "OMP_NUM_THREADS", "MKL_NUM_THREADS")),
        *((name, False) for name in ("TF_FORCE_GPU_ALLOW_GROWTH", "KERAS_BACKEND", "PATH")),
    ],
)
def test_of_the_environment_that_is_recorded_which_decides_bits(monkeypatch, name, is_recorded):
    monkeypatch.setenv(name, "a value")
    assert (host.machine().environment.get(name) == "a value") is is_recorded


@pytest.mark.parametrize(
    ("cpuinfo", "flags"),
    [
        (
            "flags\t\t: sme smep avx2 avx512_vnni sse2 sse4_1 fma lm\n",
            "avx2 avx512_vnni fma sse4_1",
        ),
        ("Features\t: fp asimd evtstrm sve bf16 i8mm aes\n", "asimd bf16 i8mm sve"),
        ("", ""),
    ],
)
def test_of_the_instruction_set_that_is_recorded_which_code_is_chosen_by(
    monkeypatch, tmp_path, cpuinfo, flags
):
    monkeypatch.setattr(host, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{cpuinfo}\n")
    assert host.machine().flags == flags.split()
