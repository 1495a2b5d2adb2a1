//! Nouns across the wall: sources and options down, results up.
use super::archive::Member;
use super::errors;
use super::events::Observer;
use super::provenance;
use super::words::word;
use crate::attempt::Attempt;
use crate::client::{Call, Source};
use crate::config;
use crate::detection::{Detection, Label};
use crate::error::{Error, Kind, Result as Outcome};
use crate::evidence::{Precheck, Sources};
use crate::retry::{self, OnAmbiguous};
use bytes::Bytes;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyModule, PyString, PyTuple};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// What `aigclens.sources` makes of a source: a word for its kind, and its parts.
pub fn source(parts: &Bound<'_, PyTuple>) -> PyResult<Source> {
    let kind = parts.get_item(0)?.cast_into::<PyString>()?;
    let part = |index| parts.get_item(index);
    Ok(match kind.to_str()? {
        "url" => Source::Url(text(&part(1)?)?),
        "oss_url" => Source::OssUrl(text(&part(1)?)?),
        "oss" => Source::Oss {
            bucket: text(&part(1)?)?,
            key: text(&part(2)?)?,
            region: part(3)?.extract::<Option<String>>()?,
        },
        "member" => Source::Member(part(1)?.cast::<Member>()?.get().source()),
        "path" => Source::Path(valid(&part(1)?, |value| value.extract::<PathBuf>())?),
        // The bytes stay Python's, without a copy: they cannot change.
        "bytes" => Source::Bytes(Bytes::from_owner(part(1)?.extract::<PyBackedBytes>()?)),
        other => return Err(PyTypeError::new_err(format!("unknown kind of source '{other}'"))),
    })
}

fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    valid(value, |value| value.extract::<String>())
}

/// A text with lone surrogates is no text that can be sent, and no path but for those that stand for single bytes.
fn valid<T>(value: &Bound<'_, PyAny>, extract: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<T> {
    extract(value).map_err(|error| match value.is_instance_of::<PyString>() {
        true => errors::raise(
            value.py(),
            &Error::new(
                Kind::InvalidParameter,
                "the text holds characters that are no valid Unicode (lone surrogates)",
            ),
        ),
        false => error,
    })
}

fn optional_text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if value.is_none() {
        return Ok(None);
    }
    if !value.is_instance_of::<PyString>() {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!("{name} is a text or None, not {kind}; give str(...) of it")));
    }
    text(value).map(Some)
}

fn time(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    let seconds: Option<f64> = value.extract()?;
    seconds.map(|seconds| config::seconds(name, seconds)).transpose().map_err(|error| errors::raise(value.py(), &error))
}

/// An option that is `None` or checked by the core.
fn checked<'py, T, U>(value: &Bound<'py, PyAny>, check: impl Fn(T) -> Outcome<U>) -> PyResult<Option<U>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    let given: Option<T> = value.extract()?;
    given.map(check).transpose().map_err(|error| errors::raise(value.py(), &error))
}

/// A choice of sources: one, or several.
fn sources(value: &Bound<'_, PyAny>) -> PyResult<Option<Sources>> {
    if value.is_none() {
        return Ok(None);
    }
    let names = match value.cast::<PyString>() {
        Ok(one) => vec![one.extract()?],
        Err(_) => value.try_iter()?.map(|one| one?.extract()).collect::<PyResult<Vec<String>>>()?,
    };
    Sources::parse(names).map(Some).map_err(|error| errors::raise(value.py(), &error))
}

/// A source as a call is given it: a URL as it is, or `source`.
pub fn given(source: &Bound<'_, PyAny>) -> PyResult<Source> {
    match source.cast::<PyTuple>() {
        Ok(parts) => self::source(parts),
        Err(_) => text(source).map(Source::Url),
    }
}

/// What a call is asked with, but for its source: `((data_id, referer, service, info_type, timeout, total_timeout,
/// max_retries, on_ambiguous), precheck, skip_sources, observed)`, each `None` for the client's default; and who observes
/// it, which is the last of them: `(callable, detail)`.
pub fn terms(parts: &Bound<'_, PyTuple>) -> PyResult<(Call, Option<Observer>)> {
    Ok((options(parts)?, Observer::read(&parts.get_item(3)?)?))
}

/// The same without who observes it.
pub fn options(parts: &Bound<'_, PyTuple>) -> PyResult<Call> {
    let mut call = Call::new(Source::Url(String::new()));
    call.precheck = checked(&parts.get_item(1)?, |text: String| Precheck::parse(&text))?;
    call.skip_sources = sources(&parts.get_item(2)?)?;
    let given = parts.get_item(0)?.cast_into::<PyTuple>()?;
    if given.iter_borrowed().all(|option| option.is_none()) {
        return Ok(call);
    }
    let option = |index| given.get_item(index);
    call.data_id = optional_text("data_id", &option(0)?)?;
    call.referer = optional_text("referer", &option(1)?)?;
    call.service = optional_text("service", &option(2)?)?;
    call.info_type = optional_text("info_type", &option(3)?)?;
    call.timeout = time("timeout", &option(4)?)?;
    call.total_timeout = time("total_timeout", &option(5)?)?;
    call.max_retries = checked(&option(6)?, retry::max_retries)?;
    call.on_ambiguous = checked(&option(7)?, |text: String| OnAmbiguous::parse(&text))?;
    Ok(call)
}

/// A frozen dataclass of `aigclens.models`.
struct Model {
    class: Py<PyAny>,
    /// Makes what becomes an instance of it.
    blank: Py<PyAny>,
}

impl Model {
    fn read(module: &Bound<'_, PyModule>, name: &str) -> PyResult<Self> {
        let class = module.getattr(name)?;
        let blank = module.getattr("blank")?.call1((&class,))?;
        Ok(Self { class: class.unbind(), blank: blank.unbind() })
    }

    /// One with these fields: all of them, in the order of the dataclass.
    fn make<'py>(&self, py: Python<'py>, fields: impl PyCallArgs<'py>) -> PyResult<Bound<'py, PyAny>> {
        let made = self.blank.bind(py).call1(fields)?;
        made.setattr(intern!(py, "__class__"), &self.class)?;
        Ok(made)
    }
}

struct Models {
    detection: Model,
    label: Model,
    attempt: Model,
}

static MODELS: PyOnceLock<Models> = PyOnceLock::new();

fn models(py: Python<'_>) -> PyResult<&Models> {
    MODELS.get_or_try_init(py, || {
        let module = py.import("aigclens.models")?;
        let model = |name| Model::read(&module, name);
        Ok(Models { detection: model("Detection")?, label: model("Label")?, attempt: model("Attempt")? })
    })
}

/// A result, or the exception that its error stands for.
pub fn outcome<'py>(py: Python<'py>, outcome: &Outcome<Detection>) -> PyResult<Bound<'py, PyAny>> {
    match outcome {
        Ok(found) => detection(py, found),
        Err(error) => Err(errors::raise(py, error)),
    }
}

fn detection<'py>(py: Python<'py>, found: &Detection) -> PyResult<Bound<'py, PyAny>> {
    // In the order of the dataclass's fields.
    let fields: [Bound<'py, PyAny>; 16] = [
        optional(py, found.label.as_deref())?,
        found.is_aigc.into_pyobject(py)?,
        found.confidence.into_pyobject(py)?,
        optional(py, found.risk_level.as_deref())?,
        labels(py, &found.labels)?,
        found.data_id.as_deref().into_pyobject(py)?,
        found.request_id.as_deref().into_pyobject(py)?,
        word(py, &found.service).into_any(),
        optional(py, found.region.as_deref())?,
        word(py, found.engine.as_str()).into_any(),
        word(py, found.billing.as_str()).into_any(),
        attempts(py, &found.attempts)?.into_any(),
        found.elapsed.as_secs_f64().into_pyobject(py)?.into_any(),
        json(py, &found.raw)?,
        PyTuple::new(py, &found.warnings)?.into_any(),
        provenance::evidence(py, &found.evidence)?.into_any(),
    ];
    models(py)?.detection.make(py, PyTuple::new(py, fields)?)
}

/// A word, or `None`.
fn optional<'py>(py: Python<'py>, text: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
    Ok(text.map(|text| word(py, text)).into_pyobject(py)?.into_any())
}

/// Labels, as a tuple.
pub fn labels<'py>(py: Python<'py>, found: &[Label]) -> PyResult<Bound<'py, PyAny>> {
    let labels: Vec<_> = found.iter().map(|one| label(py, one)).collect::<PyResult<_>>()?;
    Ok(PyTuple::new(py, labels)?.into_any())
}

fn label<'py>(py: Python<'py>, one: &Label) -> PyResult<Bound<'py, PyAny>> {
    let [description, risk_level] = [&one.description, &one.risk_level].map(|text| optional(py, text.as_deref()));
    models(py)?.label.make(py, (word(py, &one.name), one.confidence, description?, risk_level?))
}

/// The attempts of a call, as a tuple.
pub fn attempts<'py>(py: Python<'py>, tried: &[Attempt]) -> PyResult<Bound<'py, PyTuple>> {
    let model = &models(py)?.attempt;
    let attempts = tried.iter().map(|one| {
        let fields = (
            word(py, one.billing.as_str()),
            word(py, one.outcome),
            optional(py, one.code.as_deref())?,
            one.request_id.as_deref(),
            optional(py, one.region.as_deref())?,
            one.elapsed.as_secs_f64(),
            word(py, one.operation.as_str()),
        );
        model.make(py, fields)
    });
    PyTuple::new(py, attempts.collect::<PyResult<Vec<_>>>()?)
}

/// A JSON value as `json.loads` would give it. The reader's depth limit bounds the recursion.
fn json<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Number(number) => numeral(py, number)?,
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| json(py, item)).collect::<PyResult<_>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Object(fields) => {
            let dict = PyDict::new(py);
            for (key, value) in fields {
                dict.set_item(word(py, key), json(py, value)?)?;
            }
            dict.into_any()
        }
    })
}

fn numeral<'py>(py: Python<'py>, number: &serde_json::Number) -> PyResult<Bound<'py, PyAny>> {
    if let Some(small) = number.as_i64() {
        return Ok(small.into_pyobject(py)?.into_any());
    }
    let text = number.as_str();
    if text.contains(['.', 'e', 'E']) {
        return Ok(PyFloat::new(py, text.parse().unwrap_or(f64::NAN)).into_any());
    }
    // Python refuses integers of thousands of digits; such a one stays a text.
    match py.get_type::<PyInt>().call1((text,)) {
        Ok(large) => Ok(large),
        Err(_) => Ok(PyString::new(py, text).into_any()),
    }
}
