"""What image generators write beside their images: a row for each program and each of its ways."""

from __future__ import annotations

import json

A1111 = (
    "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 512x512, Model: real_v20"
)
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 12,
            "steps": 20,
            "cfg": 8.0,
            "sampler_name": "Euler a",
            "positive": ["6", 0],
            "negative": ["7", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "real_v20"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "dog"}},
}
SCREEN = {"last_node_id": 1, "nodes": [{"id": 1, "type": "KSampler", "mode": 0}], "links": []}
UPSCALED = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "holiday.jpg"}},
    "2": {"class_type": "ImageUpscaleWithModel", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
}
JOB = "2b6e053b-9a65-4ca9-9e13-b6f4465164d4"
FIELDS = {
    "prompt": "a cat",
    "negative_prompt": "dog",
    "model": "real_v20",
    "seed": "12",
    "steps": "20",
    "sampler": "Euler a",
}
NOVEL = {"prompt": "a cat", "uc": "dog", "steps": 20, "sampler": "Euler a", "seed": 12, "scale": 5.0}

# A row of the table of formats: the program, the texts it writes, which of FIELDS they say.
ROWS: list[tuple[str, dict[str, str], str]] = [
    ("Stable Diffusion web UI", {"parameters": A1111}, "prompt negative_prompt model seed steps sampler"),
    (
        "Stable Diffusion web UI Forge",
        {"parameters": A1111 + ", Version: f2.0.1v1.10.1"},
        "prompt negative_prompt model seed steps sampler",
    ),
    (
        "Fooocus",
        {
            "parameters": json.dumps(
                {
                    "prompt": "a cat",
                    "negative_prompt": "dog",
                    "base_model": "real_v20",
                    "seed": "12",
                    "steps": 20,
                    "sampler": "Euler a",
                }
            ),
            "fooocus_scheme": "fooocus",
        },
        "prompt negative_prompt model seed steps sampler",
    ),
    (
        "Fooocus",
        {"parameters": A1111 + ", Version: Fooocus v2.5.5", "fooocus_scheme": "a1111"},
        "prompt negative_prompt model seed steps sampler",
    ),
    (
        "ComfyUI",
        {"prompt": json.dumps(GRAPH), "workflow": json.dumps(SCREEN)},
        "prompt negative_prompt model seed steps sampler",
    ),
    (
        "InvokeAI",
        {
            "invokeai_metadata": json.dumps(
                {
                    "generation_mode": "txt2img",
                    "positive_prompt": "a cat",
                    "negative_prompt": "dog",
                    "seed": 12,
                    "steps": 20,
                    "scheduler": "Euler a",
                    "model": {"name": "real_v20"},
                }
            )
        },
        "prompt negative_prompt model seed steps sampler",
    ),
    (
        "InvokeAI",
        {
            "sd-metadata": json.dumps(
                {
                    "app_id": "invoke-ai/InvokeAI",
                    "model_weights": "real_v20",
                    "image": {"prompt": [{"prompt": "a cat"}], "seed": 12, "steps": 20, "sampler": "Euler a"},
                }
            ),
            "Dream": '"a cat" -s 20 -S 12 -W 512 -H 512 -C 7.5 -A k_lms',
        },
        "model seed steps",
    ),
    ("InvokeAI", {"Dream": '"a cat" -s 20 -S 12 -W 512 -H 512 -C 7.5 -A k_lms'}, "prompt seed steps"),
    (
        "InvokeAI",
        {
            "invokeai_graph": json.dumps(
                {"id": "g", "nodes": {"a": {"id": "a", "type": "flux_denoise", "is_intermediate": True}}, "edges": []}
            )
        },
        "",
    ),
    (
        "NovelAI",
        {
            "Title": "AI generated image",
            "Description": "a cat",
            "Software": "NovelAI",
            "Source": "real_v20",
            "Comment": json.dumps(NOVEL),
        },
        "prompt negative_prompt model seed steps sampler",
    ),
    ("Midjourney", {"Description": f"a cat --ar 4:3 --v 5.2 Job ID: {JOB}", "Author": "ann"}, ""),
    (
        "SwarmUI",
        {
            "parameters": json.dumps(
                {
                    "sui_image_params": {
                        "prompt": "a cat",
                        "negativeprompt": "dog",
                        "model": "real_v20",
                        "seed": 12,
                        "steps": 20,
                        "sampler": "Euler a",
                    }
                }
            )
        },
        "prompt negative_prompt model seed steps sampler",
    ),
    (
        "Easy Diffusion",
        {
            "prompt": "a cat",
            "negative_prompt": "dog",
            "use_stable_diffusion_model": "real_v20",
            "seed": "12",
            "num_inference_steps": "20",
            "sampler_name": "Euler a",
            "guidance_scale": "7.5",
        },
        "prompt negative_prompt model seed steps sampler",
    ),
]
