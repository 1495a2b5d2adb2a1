//! ImageModeration: the question read, the image found, the answer given and charged; each refusal for its real cause.
use super::answers::{Answer, Code, Question};
use super::download;
use super::judge::{self, Verdict};
use super::ledger::Entry;
use super::reply::{Refusal, Reply};
use super::request::Request;
use super::server::Shared;
use super::settings::ThrottleShape;
use super::world::{BUCKET, Looked, World};
use crate::error::Kind;
use crate::image::{self, CheckImage, DataId, Limits, OssObject};
use crate::provenance;
use crate::sign;
use crate::wire::codes;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

/// Services that the emulator answers for: this one, and whatever begins with the same word, as copies of it do.
const SERVICE: &str = "aigcDetector";

/// A refusal by the service: its code, and what it says.
type Refused = (i64, &'static str);

/// What is asked, checked.
struct Asked {
    access_key_id: String,
    fault: Option<String>,
    service: String,
    data_id: Option<String>,
    referer: Option<String>,
    image: Image,
}

enum Image {
    Url(Url),
    /// In the user's own bucket, which does not exist here.
    Oss(String),
    Uploaded(String),
}

impl Image {
    const fn source(&self) -> &'static str {
        match self {
            Self::Url(_) => "url",
            Self::Oss(_) => "oss",
            Self::Uploaded(_) => "upload",
        }
    }

    fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url.as_str()),
            Self::Oss(url) => Some(url),
            Self::Uploaded(_) => None,
        }
    }
}

/// Looks at an image once, when it arrives.
pub(super) fn look(bytes: &[u8]) -> Looked {
    let refusal = image::check(bytes, CheckImage::Error, &Limits::default()).err().map(|error| match error.kind() {
        Kind::ImageTooLarge => 406,
        _ => 407,
    });
    Looked { refusal, evidence: provenance::read(bytes).evidence, sha256: sign::sha256_hex(bytes) }
}

/// Answers a call of this key, whose signature was verified, noting in the ledger which fault will spoil the answer.
pub(super) async fn answer(
    shared: &Shared,
    request: &Request,
    request_id: &str,
    access_key_id: &str,
    fault: Option<String>,
) -> Reply {
    let host = request.host();
    {
        let mut world = shared.world();
        if !world.admit(Instant::now()) {
            return throttled(&world, request_id, &host);
        }
        if !world.settings.account_ready {
            return business(
                request_id,
                (408, "The account has not activated the service, is overdue or not authorised."),
            );
        }
    }
    let asked = match read(&request.form()) {
        Ok(asked) => Asked { access_key_id: access_key_id.to_owned(), fault, ..asked },
        Err(refused) => return business(request_id, refused),
    };
    // A script for this URL or data id spares the download.
    if let Some(reply) = scripted(&mut shared.world(), &asked, None, request_id, &host) {
        return reply;
    }
    let found = find(shared, &asked).await;
    let mut world = shared.world();
    // Nothing has this content, so that only the scripts that do not ask for one are left.
    let sha256 = found.as_ref().map_or("", |looked| looked.sha256.as_str());
    if let Some(reply) = scripted(&mut world, &asked, Some(sha256), request_id, &host) {
        return reply;
    }
    let looked = match found {
        Ok(looked) => looked,
        Err(code) => return business(request_id, (code, described(code))),
    };
    if let Some(code) = looked.refusal {
        return business(request_id, (code, described(code)));
    }
    let verdict = judge::verdict(&world.settings.judge, &looked.evidence, &looked.sha256, world.settings.ugc_label);
    charge(&mut world, &asked, request_id, Some(&verdict.label), verdict.confidence);
    let mut data = json!({ "Result": [verdict.to_json()], "RiskLevel": verdict.risk_level() });
    echo(&mut data, &asked);
    Reply::success(request_id, &data)
}

fn business(request_id: &str, (code, message): Refused) -> Reply {
    Reply::business(request_id, code, message)
}

fn described(code: i64) -> &'static str {
    match code {
        404 => "The image cannot be downloaded.",
        405 => "The download of the image timed out.",
        406 => "The image is too large.",
        407 => "The format of the image is not supported.",
        _ => "The image cannot be processed.",
    }
}

fn throttled(world: &World, request_id: &str, host: &str) -> Reply {
    match world.settings.throttle_shape {
        ThrottleShape::Body => business(request_id, (403, "The number of requests per second exceeds the limit.")),
        ThrottleShape::Gateway => {
            let mut refusal = Refusal::new(400, "Throttling.User", "Request was denied due to user flow control.");
            refusal.retry_after = Some(1_000);
            Reply::gateway(request_id, host, &refusal)
        }
    }
}

fn charge(world: &mut World, asked: &Asked, request_id: &str, label: Option<&str>, confidence: Option<f64>) {
    let entry = Entry {
        time: sign::iso_date(world.now()),
        request_id: request_id.to_owned(),
        access_key_id: asked.access_key_id.clone(),
        service: asked.service.clone(),
        data_id: asked.data_id.clone(),
        source: asked.image.source(),
        label: label.map(str::to_owned),
        confidence,
        fault: asked.fault.clone(),
    };
    world.ledger.push(entry);
}

fn echo(data: &mut Value, asked: &Asked) {
    if let (Some(fields), Some(data_id)) = (data.as_object_mut(), &asked.data_id) {
        fields.insert("DataId".to_owned(), json!(data_id));
    }
}

/// The answer of a script, if there is one for this question.
fn scripted(world: &mut World, asked: &Asked, sha256: Option<&str>, request_id: &str, host: &str) -> Option<Reply> {
    let question = Question { data_id: asked.data_id.as_deref(), url: asked.image.url(), sha256 };
    let answer = world.answers.take(question)?;
    Some(match &answer.code {
        Some(Code::Business(code)) if *code != codes::SUCCESS => {
            Reply::business(request_id, *code, answer.message.as_deref().unwrap_or("Scripted in the emulator"))
        }
        Some(Code::Gateway(code)) => {
            let message = answer.message.as_deref().unwrap_or("Scripted in the emulator");
            Reply::gateway(request_id, host, &Refusal::new(answer.http_status.unwrap_or(400), code.as_str(), message))
        }
        _ => scripted_success(world, asked, &answer, request_id),
    })
}

fn scripted_success(world: &mut World, asked: &Asked, answer: &Answer, request_id: &str) -> Reply {
    let result = answer.result();
    let first = |name: &str| result.first().and_then(|one| one.get(name));
    let label = first("Label").and_then(Value::as_str).map(str::to_owned);
    let confidence = first("Confidence").and_then(Value::as_f64);
    charge(world, asked, request_id, label.as_deref(), confidence);
    let derived = Verdict { label: label.unwrap_or_default(), confidence, description: String::new() };
    let risk_level = answer.risk_level.as_deref().unwrap_or_else(|| derived.risk_level());
    let mut data = json!({ "Result": result, "RiskLevel": risk_level });
    echo(&mut data, asked);
    if let (Some(fields), Some(more)) = (data.as_object_mut(), &answer.data) {
        fields.extend(more.clone());
    }
    Reply::success(request_id, &data)
}

/// Reads the form as the service's page describes it: 400 for what is missing, 401 for what is wrong, 402 for what is
/// too long.
fn read(form: &[(String, String)]) -> Result<Asked, Refused> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let service = field("Service").filter(|name| !name.is_empty()).ok_or((400, "Service is empty."))?;
    if !service.starts_with(SERVICE) {
        return Err((401, "Service is invalid."));
    }
    let text =
        field("ServiceParameters").filter(|text| !text.is_empty()).ok_or((400, "ServiceParameters is empty."))?;
    let parameters: Value = serde_json::from_str(text).map_err(|_| (401, "ServiceParameters is not JSON."))?;
    let parameters = parameters.as_object().ok_or((401, "ServiceParameters is not a JSON object."))?;
    let parameter = |name: &str| match parameters.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err((401, "A member of ServiceParameters is not a string.")),
    };
    let data_id = parameter("dataId")?;
    match data_id.as_deref() {
        Some(id) if id.len() > 64 => return Err((402, "dataId is too long.")),
        Some(id) if DataId::parse(id).is_err() => return Err((401, "dataId is invalid.")),
        _ => {}
    }
    let referer = parameter("referer")?;
    if referer.as_ref().is_some_and(|referer| referer.chars().count() > 256) {
        return Err((402, "referer is too long."));
    }
    let object = (parameter("ossBucketName")?, parameter("ossObjectName")?, parameter("ossRegionId")?);
    let image = match (parameter("imageUrl")?, object) {
        (Some(url), _) => Image::Url(read_url(&url)?),
        (None, (Some(bucket), Some(key), None)) if bucket == BUCKET => Image::Uploaded(key),
        (None, (Some(bucket), Some(key), Some(_))) => Image::Oss(match OssObject::new(&bucket, &key, None) {
            Ok(object) => format!("oss://{}/{}", object.bucket, object.key),
            Err(_) => return Err((401, "ossBucketName or ossObjectName is invalid.")),
        }),
        (None, (Some(_), Some(_), None)) => return Err((400, "ossRegionId is empty.")),
        _ => return Err((400, "imageUrl is empty.")),
    };
    Ok(Asked { access_key_id: String::new(), fault: None, service: service.to_owned(), data_id, referer, image })
}

fn read_url(text: &str) -> Result<Url, Refused> {
    if text.chars().count() > 2_048 {
        return Err((402, "imageUrl is too long."));
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.filter(|_| text.is_ascii()).ok_or((401, "imageUrl is invalid."))
}

/// Finds the image and looks at it, or says with which code that failed.
async fn find(shared: &Shared, asked: &Asked) -> Result<Looked, i64> {
    let (time, reads_images) = {
        let world = shared.world();
        (world.settings.fetch_timeout, world.settings.judge.reads_images())
    };
    match &asked.image {
        Image::Uploaded(key) => shared.world().object(key).cloned().ok_or(download::NOT_DOWNLOADED),
        Image::Url(url) if download::is_local(url) => {
            download::download(url, asked.referer.as_deref(), time).await.map(|bytes| look(&bytes))
        }
        // Nothing is fetched from other machines. A judge that reads no image can still answer.
        Image::Url(_) | Image::Oss(_) if !reads_images => {
            let name = asked.image.url().unwrap_or_default();
            Ok(Looked { refusal: None, evidence: Vec::new(), sha256: sign::sha256_hex(name.as_bytes()) })
        }
        Image::Url(_) | Image::Oss(_) => Err(download::NOT_DOWNLOADED),
    }
}
