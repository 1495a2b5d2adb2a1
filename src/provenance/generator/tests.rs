use super::*;
use serde_json::json;

const A1111: &str = "a cat, (sharp:1.2)\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, \
                     Size: 512x512, Model hash: c0d1994c73, Model: real_v20";
const JOB: &str = "2b6e053b-9a65-4ca9-9e13-b6f4465164d4";

fn said(key: &str, value: &str) -> Option<String> {
    read(key, value).map(|one| {
        assert_eq!(one.source, EvidenceSource::GeneratorText);
        format!("{}:{}:{}", one.kind.as_str(), one.strength.as_str(), one.detail)
    })
}

#[allow(clippy::unnecessary_wraps, reason = "it is compared with what may be nothing")]
fn strong(program: &str) -> Option<String> {
    Some(format!("generated:strong:{program}"))
}

fn field(evidence: &Evidence, name: &str) -> String {
    evidence.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn fields(evidence: &Evidence) -> [String; 6] {
    ["prompt", "negative_prompt", "model", "seed", "steps", "sampler"].map(|name| field(evidence, name))
}

fn graph() -> serde_json::Value {
    json!({
        "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "cfg": 8.0, "sampler_name": "euler",
              "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.ckpt"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat\n", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "dog", "clip": ["4", 1]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}, "is_changed": ["x"]},
    })
}

fn workflow(class: &str, mode: u8) -> String {
    json!({"last_node_id": 2, "nodes": [{"id": 1, "type": "LoadImage", "mode": 0}, {"id": 2, "type": class, "mode": mode}],
           "links": []})
    .to_string()
}

#[test]
fn plain_parameters_and_the_program_by_its_version() {
    let evidence = read("parameters", A1111).unwrap();
    assert_eq!(fields(&evidence), ["a cat, (sharp:1.2)", "dog", "real_v20", "12", "20", "Euler a"]);
    for (version, program) in [
        ("", "Stable Diffusion web UI"),
        (", Version: v1.10.1", "Stable Diffusion web UI"),
        (", Version: f2.0.1v1.10.1-previous-665", "Stable Diffusion web UI Forge"),
        (", Version: neo", "Stable Diffusion web UI Forge"),
        (", Version: Fooocus v2.5.5", "Fooocus"),
        (", Version: ComfyUI", "ComfyUI"),
    ] {
        for key in ["parameters", "UserComment", "Comment"] {
            assert_eq!(said(key, &format!("{A1111}{version}")), strong(program), "{key} {version}");
        }
    }
    assert_eq!(said("parameters", &format!("{A1111}\nTemplate: a cat\nmore")), strong("Stable Diffusion web UI"));
    assert_eq!(said("parameters", "Steps: 4, Sampler: LCM, Seed: 0"), strong("Stable Diffusion web UI"));
    for near in [
        "Steps: many, Sampler: x, Seed: 1",
        "Steps: 20, Sampler: x",
        "In 20 Steps: 20 ways to a Sampler: x, Seed: 1",
        "Steps: 20, Seed: 1, CFG scale: 7",
        "exposure=1/60",
        "",
    ] {
        assert_eq!(said("parameters", near), None, "{near}");
    }
    for key in ["Description", "Title", "prompt", "Software"] {
        assert_eq!(said(key, A1111), None, "{key}");
    }
}

#[test]
fn a_graph_counts_by_its_nodes() {
    let run = graph().to_string();
    let evidence = read("prompt", &run).unwrap();
    assert_eq!(fields(&evidence), ["a cat", "dog", "v1-5.ckpt", "5", "20", "euler"]);
    for text in [
        run.clone(),
        format!("prompt:{run}"),
        run.replace("\"x\"", "NaN"),
        run.replace("\"x\"", "-Infinity, Infinity"),
        json!({"prompt": graph(), "workflow": {}}).to_string(),
        json!({"prompt": run}).to_string(),
        workflow("KSampler", 0),
        format!("workflow:{}", workflow("SamplerCustomAdvanced", 0)),
        workflow("WanVideoSampler", 0),
        workflow("OpenAIDalle3", 0),
        json!({"1": {"class_type": "UltimateSDUpscale", "inputs": {"seed": 1, "steps": 9, "cfg": 7}}}).to_string(),
        json!({"nodes": [{"id": 1, "type": "0b7a"}], "links": [], "definitions":
               {"subgraphs": [{"nodes": [{"type": "KSampler"}]}]}})
        .to_string(),
    ] {
        for key in ["prompt", "workflow", "Make", "ImageDescription"] {
            assert_eq!(said(key, &text), strong("ComfyUI"), "{text}");
        }
    }
    let only = json!({
        "1": {"class_type": "LoadImage", "inputs": {"image": "photo.jpg"}},
        "2": {"class_type": "ImageUpscaleWithModel", "inputs": {"upscale_model": ["4", 0], "image": ["1", 0]}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
        "4": {"class_type": "UpscaleModelLoader", "inputs": {"model_name": "4x.pth"}},
    });
    let hint = Some("tool:medium:ComfyUI".to_owned());
    for text in [
        only.to_string(),
        workflow("ImageUpscaleWithModel", 0),
        workflow("KSampler", 4),
        workflow("KSampler", 2),
        workflow("KSamplerSelect", 0),
    ] {
        assert_eq!(said("prompt", &text), hint, "{text}");
    }
    for near in [
        json!({"prompt": "draw a cat"}),
        json!({"nodes": [{"id": 1, "name": "KSampler"}], "links": []}),
        json!({"nodes": [{"id": 1, "type": "KSampler"}]}),
        json!({"1": {"class_type": "KSampler"}}),
        json!({"workflow": "approved"}),
        json!({"1": 2}),
    ] {
        assert_eq!(said("prompt", &near.to_string()), None, "{near}");
    }
    assert_eq!(said("prompt", "a cat on a KSampler"), None);
    assert_eq!(said("prompt", run.get(..run.len() - 1).unwrap()), None, "cut off");
}

#[test]
fn three_generations_of_invoke() {
    let newest = json!({"generation_mode": "sdxl_txt2img", "positive_prompt": "a cat", "negative_prompt": "dog", "seed": 3,
                        "steps": 35, "scheduler": "euler", "model": {"model_name": "m"}});
    assert_eq!(
        fields(&read("invokeai_metadata", newest.to_string()).unwrap()),
        ["a cat", "dog", "m", "3", "35", "euler"]
    );
    let older = json!({"app_id": "invoke-ai/InvokeAI", "app_version": "2.3.0", "model_weights": "w",
                       "image": {"prompt": [{"prompt": "a cat", "weight": 1.0}], "steps": 50, "seed": 2, "sampler": "k_lms"}});
    let own = json!({"app_id": "invokeai", "image": {"prompt": "a cat", "seed": 2}});
    assert_eq!(fields(&read("sd-metadata", older.to_string()).unwrap()), ["a cat", "", "w", "2", "50", "k_lms"]);
    assert_eq!(said("sd-metadata", &own.to_string()), strong("InvokeAI"));
    let dream = r#""a "red" cat [dog]" -s 50 -S 298 -W 512 -H 768 -C 5 -A k_lms -U 4 0.95"#;
    assert_eq!(fields(&read("Dream", dream).unwrap()), [r#"a "red" cat [dog]"#, "", "", "298", "50", "k_lms"]);
    let graph = |kind: &str| {
        json!({"id": "g", "nodes": {"n": {"id": "n", "is_intermediate": true, "type": kind}}, "edges": []}).to_string()
    };
    assert_eq!(said("invokeai_graph", &graph("flux_denoise")), strong("InvokeAI"));
    assert_eq!(said("invokeai_graph", &graph("denoise_latents")), strong("InvokeAI"));
    assert_eq!(said("invokeai_graph", &graph("esrgan")), Some("tool:medium:InvokeAI".to_owned()));
    for (key, near) in [
        ("Dream", r#""to be or not" -s of -S all"#),
        ("Dream", "I had one -s 50 -S 1"),
        ("Dream", r#""a cat" -s 50"#),
        ("invokeai_metadata", r#"{"positive_prompt":"x"}"#),
        ("sd-metadata", r#"{"image":{"prompt":"x","seed":1}}"#),
        ("invokeai_graph", r#"{"nodes":{"a":{"type":"denoise"}},"edges":[]}"#),
    ] {
        assert_eq!(said(key, near), None, "{near}");
    }
    assert_eq!(said("Comment", dream), None);
}

#[test]
fn programs_of_one_object() {
    let fooocus = json!({"prompt": "a cat", "negative_prompt": "dog", "base_model": "m", "sampler": "d", "steps": 30,
                         "seed": "7", "version": "Fooocus v2.5"});
    let swarm = json!({"sui_image_params": {"prompt": "a cat", "negativeprompt": "dog", "model": "m", "seed": 7, "steps": 30,
                       "sampler": "d", "swarm_version": "0.9"}});
    let easy = json!({"prompt": "a cat", "negative_prompt": "dog", "use_stable_diffusion_model": "m", "seed": 7,
                      "num_inference_steps": 30, "sampler_name": "d", "guidance_scale": 7.5});
    let draw = json!({"c": "a cat", "uc": "dog", "model": "m", "seed": 7, "steps": 30, "sampler": "d", "scale": 4,
                      "v2": {}});
    for (object, program) in [(fooocus, "Fooocus"), (swarm, "SwarmUI"), (easy, "Easy Diffusion"), (draw, "Draw Things")]
    {
        let evidence = read("UserComment", object.to_string()).unwrap();
        assert_eq!((evidence.detail.as_str(), evidence.strength), (program, Strength::Strong));
        assert_eq!(fields(&evidence), ["a cat", "dog", "m", "7", "30", "d"], "{program}");
        // Without any one of its own keys it is somebody else's object.
        let mut less = object.clone();
        let inner = less.as_object_mut().unwrap();
        for key in ["sampler", "sui_image_params", "guidance_scale", "uc"] {
            inner.shift_remove(key);
        }
        assert_eq!(said("parameters", &less.to_string()), None, "{program}");
    }
    assert_eq!(said("x", &json!({"parameters": A1111}).to_string()), strong("Stable Diffusion web UI"));
    assert_eq!(said("UserComment", r#"{"prompt":"x","camera":"y"}"#), None);
}

#[test]
fn novel_ai_speaks_in_several_texts() {
    let comment =
        json!({"prompt": "a cat", "uc": "dog", "steps": 28, "sampler": "k_euler", "seed": 7, "scale": 5.0}).to_string();
    let old =
        json!({"uc": "dog", "steps": 28, "sampler": "k_euler", "seed": 7, "scale": 5.0, "strength": 0.4}).to_string();
    let whole = [
        ("Title", "AI generated image"),
        ("Description", "a cat"),
        ("Software", "NovelAI"),
        ("Source", "Stable Diffusion 1D44365E"),
        ("Comment", old.as_str()),
    ];
    let found = together(&whole);
    assert_eq!(found.len(), 1);
    let (at, evidence) = &found[0];
    assert_eq!((*at, evidence.detail.as_str(), evidence.strength), (4, "NovelAI", Strength::Strong));
    assert_eq!(fields(evidence), ["a cat", "dog", "Stable Diffusion 1D44365E", "7", "28", "k_euler"]);
    let kinds = |texts: &[(&str, &str)]| together(texts).iter().map(|(_, one)| one.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&whole[..3]), [EvidenceKind::Generated], "title and software are enough");
    assert_eq!(kinds(&[("Software", "NovelAI")]), [EvidenceKind::Tool], "a name alone is a hint");
    assert_eq!(kinds(&[("Comment", &comment)]), [EvidenceKind::Generated]);
    for near in [
        &[("Title", "AI generated image")][..],
        &[("Title", "AI generated image"), ("Source", "Stable Diffusion for beginners")],
        &[("Software", "GIMP"), ("Comment", "a cat"), ("Description", "NovelAI")],
        &[("Comment", r#"{"uc":"x","steps":1}"#)],
    ] {
        assert_eq!(kinds(near), [], "{near:?}");
    }
    let object =
        json!({"Software": "NovelAI", "Source": "NovelAI Diffusion V4 37442FCA", "Comment": comment}).to_string();
    let evidence = read("parameters", &object).unwrap();
    assert_eq!(fields(&evidence), ["a cat", "dog", "NovelAI Diffusion V4 37442FCA", "7", "28", "k_euler"]);
}

#[test]
fn texts_of_one_program_are_one_declaration_and_keep_the_order_of_the_file() {
    let run = graph().to_string();
    let screen = workflow("ImageScale", 0);
    let found = together(&[("workflow", &screen), ("Author", "x"), ("prompt", &run), ("parameters", A1111)]);
    let told: Vec<_> = found.iter().map(|(at, one)| (*at, one.kind, one.detail.as_str())).collect();
    assert_eq!(
        told,
        [(2, EvidenceKind::Generated, "ComfyUI"), (3, EvidenceKind::Generated, "Stable Diffusion web UI")]
    );
    let easy = [
        ("prompt", "a cat"),
        ("use_stable_diffusion_model", "m"),
        ("seed", "1"),
        ("num_inference_steps", "25"),
        ("guidance_scale", "7.5"),
    ];
    let found = together(&easy);
    assert_eq!((found.len(), found[0].0, found[0].1.detail.as_str()), (1, 1, "Easy Diffusion"));
    assert_eq!(together(&easy[..4]), []);
}

#[test]
fn midjourney_by_its_job_and_its_options() {
    let text = format!("operating a control panel, static --ar 4:3 --v 5.2 Job ID: {JOB}");
    let evidence = read("Description", &text).unwrap();
    assert_eq!((evidence.detail.as_str(), field(&evidence, "version").as_str()), ("Midjourney", "5.2"));
    assert_eq!(field(&evidence, "job"), JOB);
    assert_eq!(field(&evidence, "prompt"), "operating a control panel, static --ar 4:3 --v 5.2");
    assert_eq!(said("ImageDescription", &format!("x --niji 6 Job ID: {JOB} ")), strong("Midjourney"));
    for near in [
        format!("a panel Job ID: {JOB}"),
        "a panel --v 5 Job ID: 12345".to_owned(),
        format!("print job --copies 2 Job ID: {JOB}"),
        format!("--v 5 {JOB}"),
        "Job ID:".to_owned(),
        "--v 5 Job ID: ééééééééééééééééééééééééé".to_owned(),
    ] {
        assert_eq!(said("Description", &near), None, "{near}");
    }
    assert_eq!(said("Title", &text), None);
}

#[test]
fn a_hosted_job_is_a_weak_hint() {
    assert_eq!(said("hf-job-id", JOB), Some("tool:weak:job of a hosted generator".to_owned()));
    assert_eq!((said("hf-job-id", "17"), said("job-id", JOB)), (None, None));
}

#[test]
fn names_are_matched_by_words() {
    let named = |field: &str, value: &str| tool(field, value).map(|one| (one.source, one.detail));
    for (value, name) in [
        ("Ideogram AI", "Ideogram AI"),
        ("reve.com", "Reve"),
        ("DALL·E 3", "DALL-E"),
        ("DALL-E", "DALL-E"),
        ("dall_e 2", "DALL-E"),
        ("Adobe Firefly 3", "Adobe Firefly"),
        ("Made with Google AI", "Google AI"),
        ("Stable Diffusion XL", "Stable Diffusion"),
        ("Leonardo.Ai", "Leonardo.Ai"),
        ("Recraft v3", "Recraft"),
        ("NovelAI", "NovelAI"),
        ("OpenAI/ChatGPT", "ChatGPT"),
        ("FLUX.1-dev", "FLUX"),
        ("即梦AI", "Jimeng"),
    ] {
        assert_eq!(named("exif:Software", value), Some((EvidenceSource::Exif, name.to_owned())), "{value}");
        assert_eq!(named("xmp:CreatorTool", value), Some((EvidenceSource::Iptc, name.to_owned())), "{value}");
        assert_eq!(named("png:Software", value), Some((EvidenceSource::GeneratorText, name.to_owned())), "{value}");
    }
    let long = format!("Midjourney {}", "x".repeat(300));
    for near in [
        "Adobe Photoshop 26.1 (Windows)",
        "Adobe Photoshop Lightroom Classic 14.0",
        "GIMP 2.10.38",
        "Canva",
        "Leonardo da Vinci Fotos",
        "Imagen 3",
        "NIKON D750 Ver.1.10",
        "Canon EOS R5",
        "Apple iPhone 16 Pro",
        "FLIR Firefly",
        "Midjourneys",
        "dalley",
        "f.lux",
        "Gemini Studios",
        "Google",
        "HDR+ 1.0.345",
        "Picasa",
        "darktable 4.6",
        long.as_str(),
        "",
    ] {
        assert_eq!(named("exif:Software", near), None, "{near}");
    }
}

#[test]
fn numbers_that_json_does_not_know_are_null_outside_of_texts() {
    for (text, expected) in [
        (r#"{"a": NaN, "NaN": "\"NaN\\"}"#, r#"{"a": null, "NaN": "\"NaN\\"}"#),
        ("[-Infinity,Infinity]", "[null,null]"),
        (r#"["é\u00e9 NaN"]"#, r#"["é\u00e9 NaN"]"#),
        ("NaN\"\\", "null\"\\"),
    ] {
        assert_eq!(finite(text), expected);
    }
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    let node = r#""1":{"class_type":"X","inputs":{"a":[1,2],"text":"x"}},"#;
    let graph =
        format!(r#"{{{}"9":{{"class_type":"KSampler","inputs":{{"positive":["8",0]}}}}}}"#, node.repeat(15_000));
    assert_eq!(said("prompt", &graph), strong("ComfyUI"));
    let depth = 30_000;
    for text in [
        "{\"a\":".repeat(depth),
        format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth)),
        format!("{{\"prompt\":{}", "{\"prompt\":".repeat(depth)),
        format!("{{\"nodes\":[{}]}}", "{\"type\":\"x\"},".repeat(depth)),
        format!("{{{}}}", "\"k\":0,".repeat(depth)),
        "NaN{".repeat(depth),
        "Steps: 1, ".repeat(depth),
        "Negative prompt:\n".repeat(depth),
        "\"a\" -S ".repeat(depth),
        "Job ID: --v ".repeat(depth),
        "\n".repeat(depth),
    ] {
        for key in ["parameters", "Dream", "Description", "prompt"] {
            assert_eq!(said(key, &text), None);
        }
        together(&[("Comment", &text), ("Software", "NovelAI"), ("Title", &text)]);
    }
    let whole = graph_text_and_parameters();
    for text in &whole {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            read("parameters", text.get(..end).unwrap());
        }
    }
}

fn graph_text_and_parameters() -> [String; 3] {
    [graph().to_string(), A1111.to_owned(), workflow("KSampler", 0)]
}

#[test]
fn the_options_of_a_dream_stand_with_or_without_a_space() {
    for text in [r#""a cat" -s 50 -S 7 -W 512 -A k_lms"#, r#""a cat" -s50 -b1 -W512 -H512 -C7.5 -Ak_lms -S7"#] {
        let found = read("Dream", text).unwrap();
        let field = |name: &str| found.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!((found.detail.as_str(), field("prompt")), ("InvokeAI", Some("a cat")), "{text}");
        let options = (field("steps"), field("seed"), field("sampler"));
        assert_eq!(options, (Some("50"), Some("7"), Some("k_lms")), "{text}");
    }
    for near in [r#""a cat" -s -S"#, r#""a cat" -small -Sunny"#, "a cat -s50 -S7", r#""I had" one"#] {
        assert!(read("Dream", near).is_none(), "{near}");
    }
}

#[test]
fn words_of_a_tape_deck_are_no_parameters() {
    let near = r#"{"prompt":"hello","sampler":"tape deck","steps":5}"#;
    assert!(read("UserComment", near).is_none());
    for more in [r#""seed":1"#, r#""base_model":"x""#] {
        assert!(read("UserComment", near.replace('}', &format!(",{more}}}"))).is_some(), "{more}");
    }
}
