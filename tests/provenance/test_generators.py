"""The text of image generators, in each container that they write, and real files of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import aigclens
import declared_files as files
from generator_texts import A1111, FIELDS, GRAPH, JOB, NOVEL, ROWS, SCREEN, UPSCALED


def told(image: bytes) -> list[tuple[str, str, str, str]]:
    return [(one.source, one.kind, one.strength, one.detail) for one in aigclens.inspect(image).evidence]


@pytest.mark.parametrize("kind", files.TEXTS)
@pytest.mark.parametrize(
    ("program", "texts", "fields"), ROWS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_program_in_the_texts_of_a_png(program: str, texts: dict[str, str], fields: str, kind: str) -> None:
    (one,) = aigclens.inspect(files.png(texts, kind)).evidence
    assert (one.source, one.kind, one.strength, one.detail) == ("generator_text", "generated", "strong", program)
    assert one.place.startswith("png:" + kind.partition(",")[0])
    for name in fields.split():
        assert one.fields[name] == FIELDS[name], name


# What programs write into the comment of EXIF: what a PNG would have in one text.
IN_EXIF = {
    "Stable Diffusion web UI": A1111,
    "Fooocus": ROWS[2][1]["parameters"],
    "SwarmUI": next(texts["parameters"] for program, texts, _ in ROWS if program == "SwarmUI"),
    "NovelAI": json.dumps({"Software": "NovelAI", "Source": "NovelAI Diffusion V4", "Comment": json.dumps(NOVEL)}),
    "ComfyUI": json.dumps({"prompt": GRAPH, "workflow": SCREEN}),
}


@pytest.mark.parametrize("kind", files.CONTAINERS)
@pytest.mark.parametrize("program", IN_EXIF)
def test_each_program_in_the_comment_of_exif(program: str, kind: str) -> None:
    for name, comment in files.comments(IN_EXIF[program]).items():
        found = told(files.with_exif(kind, files.exif({}, comment)))
        assert found == [("generator_text", "generated", "strong", program)], name


@pytest.mark.parametrize("kind", files.CONTAINERS)
@pytest.mark.parametrize(
    "near",
    [
        "exposure 1/60, Steps: many",
        "Steps: 20 to the top, a sampler of the view",
        '{"prompt": "a cat on a mat"}',
        '{"prompt": {"1": {"text": "KSampler"}}, "workflow": {"steps": ["scan"]}}',
        '{"Software": "NovelAI"}',
        '{"Comment": "x", "Software": "GIMP 2.10"}',
        '{"sui_image_params": 7}',
        "Stable Diffusion web UI",
    ],
)
def test_near_misses_in_the_comment_of_exif(near: str, kind: str) -> None:
    for name, comment in files.comments(near).items():
        found = aigclens.inspect(files.with_exif(kind, files.exif({}, comment)))
        assert [one for one in found.evidence if one.kind != "tool"] == [], name


@pytest.mark.parametrize("kind", files.CONTAINERS)
def test_comfy_ui_writes_into_fields_of_exif_that_are_not_meant_for_it(kind: str) -> None:
    fields = {files.MODEL: f"prompt:{json.dumps(GRAPH)}", files.MAKE: f"workflow:{json.dumps(SCREEN)}"}
    found = told(files.with_exif(kind, files.exif(fields)))
    assert set(found) == {("generator_text", "generated", "strong", "ComfyUI")}
    assert told(files.with_exif(kind, files.exif({files.MODEL: "prompt: none", files.MAKE: "workflow"}))) == []


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"prompt": json.dumps(UPSCALED)}, [("generator_text", "tool", "medium", "ComfyUI")]),
        ({"hf-job-id": JOB}, [("generator_text", "tool", "weak", "job of a hosted generator")]),
        ({"Software": "NovelAI"}, [("generator_text", "tool", "medium", "NovelAI")]),
    ],
)
def test_hints_declare_nothing(texts: dict[str, str], expected: list[tuple[str, str, str, str]]) -> None:
    assert told(files.png(texts)) == expected
    assert aigclens.inspect(files.png(texts)).declares is None


@pytest.mark.parametrize("kind", files.TEXTS)
@pytest.mark.parametrize(
    "texts",
    [
        {"parameters": "exposure 1/60, Steps: many"},
        {"prompt": "a cat on a mat"},
        {"prompt": '{"text": "KSampler"}'},
        {"workflow": '{"steps": ["scan", "crop"]}'},
        {"Description": A1111},
        {"Description": f"Print. Job ID: {JOB}"},
        {"Comment": '{"uc": "x"}', "Description": "a cat"},
        {"Dream": "I had one"},
        {"sd-metadata": '{"image": {}}'},
        {"invokeai_metadata": '{"positive_prompt": "x"}'},
        {"Title": "AI generated image"},
        {"Software": "Adobe Photoshop 26.1"},
        {"hf-job-id": "17"},
        {"seed": "1", "prompt": "a cat"},
    ],
)
def test_near_misses(texts: dict[str, str], kind: str) -> None:
    assert told(files.png(texts, kind)) == []


# The programs of the images in sd_parsers' own tests, by their names; the others declare nothing.
REAL = {
    "automatic1111_cropped.png": "Stable Diffusion web UI",
    "automatic1111_cropped.jpg": "Stable Diffusion web UI",
    "automatic1111_stealth.png": None,
    "text_after_idat.png": "Stable Diffusion web UI",
    "fooocus1_cropped.png": "Fooocus",
    "img2img_cropped.png": "ComfyUI",
    "unclip_2pass_cropped.png": "ComfyUI",
    "night_evening_day_morning_cropped.png": "ComfyUI",
    "noisy_latents_3_subjects_cropped.png": "ComfyUI",
    "invokeai_dream1.png": "InvokeAI",
    "invokeai_imeta1.png": "InvokeAI",
    "invokeai_sdmeta1.png": "InvokeAI",
    "novelai1_cropped.png": "NovelAI",
    "empty_image.png": None,
    "empty_image.jpg": None,
    "empty_file.png": None,
}


def test_the_real_files_of_sd_parsers() -> None:
    images = files.members(files.downloaded("sd_parsers==0.6.0", source=True), (".png", ".jpg"))
    names = {Path(name).name: data for name, data in images if "/resources/" in name}
    assert set(names) == set(REAL)
    for name, program in REAL.items():
        expected = [] if program is None else [("generator_text", "generated", "strong", program)]
        assert told(names[name]) == expected, name
    (deep,) = aigclens.inspect(names["automatic1111_stealth.png"], deep=True).evidence
    assert (deep.detail, deep.kind, deep.place) == ("Stable Diffusion web UI", "generated", "png:pixels/alpha")


def test_the_real_file_of_midjourney() -> None:
    file = files.DECLARED / "mj-1.png"
    if not file.exists():
        pytest.skip("no real declared files here: AIGCLENS_DECLARED")
    found = aigclens.inspect(file)
    by_source = {one.source: one for one in found.evidence}
    assert set(by_source) == {"generator_text", "iptc"}
    assert (by_source["generator_text"].detail, by_source["generator_text"].fields["version"]) == ("Midjourney", "5.2")
    assert (by_source["iptc"].kind, by_source["iptc"].detail) == ("generated", "trainedAlgorithmicMedia")


@pytest.mark.parametrize("package", ["scikit-image", "scikit-learn"])
def test_real_photographs_are_not_declared_as_generated(package: str) -> None:
    endings = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".webp")
    images = list(files.members(files.downloaded(package), endings))
    assert len(images) >= 2
    for name, data in images:
        assert [one for one in aigclens.inspect(data, deep=True).evidence if one.kind == "generated"] == [], name


def test_a_text_is_cut_where_it_is_long() -> None:
    long: Callable[[str], str] = lambda word: f"{word * 10_000}\nSteps: 20, Sampler: x, CFG scale: 7, Seed: 1"  # noqa: E731
    (one,) = aigclens.inspect(files.png({"parameters": long("é")}, "iTXt")).evidence
    assert (len(one.fields["prompt"]), one.fields["prompt"][-1]) == (4096, "…")
