//! Rows of a scan on their way up. Rows that are made together share what they have in common: most of their texts.
use super::convert;
use crate::client::LABEL;
use crate::detection::{self, Engine, Label};
use crate::encode;
use crate::scan::{Row, Tally, What};
use crate::store::{Answer, By, Failure};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const STAMP: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

/// Who was asked, for rows that nobody answered.
pub struct Asked {
    pub service: String,
    pub region: Option<String>,
}

/// `aigclens.scanning.rows.ScanRow`, and what becomes one once its `__class__` is set.
struct Class {
    row: Py<PyAny>,
    draft: Py<PyAny>,
}

static CLASS: PyOnceLock<Class> = PyOnceLock::new();

fn class(py: Python<'_>) -> PyResult<&Class> {
    CLASS.get_or_try_init(py, || {
        let module = py.import("aigclens.scanning.rows")?;
        Ok(Class { row: module.getattr("ScanRow")?.unbind(), draft: module.getattr("Draft")?.unbind() })
    })
}

/// The same number as the view of a store gives, without digits that nobody measured.
#[allow(clippy::cast_precision_loss, reason = "exact up to a hundred days")]
fn milliseconds(span: Duration) -> f64 {
    span.as_nanos() as f64 / 1e6
}

/// A text that the row before had too is the same object.
#[derive(Default)]
struct Text<'a, 'py>(Option<(&'a str, Bound<'py, PyAny>)>);

impl<'a, 'py> Text<'a, 'py> {
    fn get(&mut self, py: Python<'py>, text: &'a str) -> Bound<'py, PyAny> {
        match &self.0 {
            Some((known, object)) if *known == text => object.clone(),
            _ => {
                let object = PyString::new(py, text).into_any();
                self.0 = Some((text, object.clone()));
                object
            }
        }
    }

    fn get_or_none(&mut self, py: Python<'py>, text: Option<&'a str>) -> Bound<'py, PyAny> {
        text.map_or_else(|| py.None().into_bound(py), |text| self.get(py, text))
    }
}

/// Makes rows that are handed out together.
struct Maker<'a, 'py> {
    py: Python<'py>,
    asked: &'a Asked,
    none: Bound<'py, PyAny>,
    empty: Bound<'py, PyAny>,
    label: Text<'a, 'py>,
    risk_level: Text<'a, 'py>,
    billing: Text<'a, 'py>,
    service: Text<'a, 'py>,
    region: Text<'a, 'py>,
    engine: Text<'a, 'py>,
    labels: Option<(&'a [Label], Bound<'py, PyAny>)>,
    /// A second, and how it is written.
    second: Option<(u64, String)>,
}

/// Rows, each with its extra columns out of `extras` by its number.
pub fn rows<'py>(
    py: Python<'py>,
    rows: &[Row],
    asked: &Asked,
    extras: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyList>> {
    let mut maker = Maker {
        py,
        asked,
        none: py.None().into_bound(py),
        empty: PyTuple::empty(py).into_any(),
        label: Text::default(),
        risk_level: Text::default(),
        billing: Text::default(),
        service: Text::default(),
        region: Text::default(),
        engine: Text::default(),
        labels: None,
        second: None,
    };
    let has_extras = !extras.is_empty();
    let class = class(py)?;
    let (class, draft) = (class.row.bind(py), class.draft.bind(py));
    let made = rows.iter().map(|row| {
        let extra = match has_extras {
            true => extras.call_method1(intern!(py, "pop"), (row.number, py.None()))?,
            false => maker.none.clone(),
        };
        let made = draft.call1(PyTuple::new(py, maker.fields(row, extra)?)?)?;
        made.setattr(intern!(py, "__class__"), class)?;
        Ok(made)
    });
    PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)
}

impl<'a, 'py> Maker<'a, 'py> {
    /// In the order of the dataclass's fields.
    fn fields(&mut self, row: &'a Row, extra: Bound<'py, PyAny>) -> PyResult<[Bound<'py, PyAny>; 25]> {
        let py = self.py;
        let key = PyString::new(py, &row.item.key).into_any();
        let source = match row.item.source == row.item.key {
            true => key.clone(),
            false => PyString::new(py, &row.item.source).into_any(),
        };
        let blake3 = row.fingerprint.filter(|known| known.by == By::Bytes).map(|known| encode::hex(&known.hash));
        let head = Head {
            key,
            source,
            evidence: self.tuple(&row.evidence)?,
            billing: self.billing.get(py, row.billing.as_str()),
            is_cached: row.is_cached.into_pyobject(py)?.to_owned().into_any(),
            duplicate_of: row.duplicate_of.as_deref().into_pyobject(py)?,
            blake3: blake3.into_pyobject(py)?,
            extra,
        };
        match &row.what {
            What::Answered(answer) => self.answered(head, answer),
            What::Failed(failure) => self.failed(head, failure),
            What::Declared { warnings } => self.declared(head, warnings),
        }
    }

    fn answered(&mut self, head: Head<'py>, answer: &'a Answer) -> PyResult<[Bound<'py, PyAny>; 25]> {
        let py = self.py;
        Ok([
            head.key,
            head.source,
            true.into_pyobject(py)?.to_owned().into_any(),
            self.label.get_or_none(py, answer.label.as_deref()),
            answer.is_aigc.into_pyobject(py)?,
            answer.confidence.into_pyobject(py)?,
            self.risk_level.get_or_none(py, answer.risk_level.as_deref()),
            head.evidence,
            answer.request_id.as_deref().into_pyobject(py)?,
            self.none.clone(),
            self.none.clone(),
            head.billing,
            head.is_cached,
            head.duplicate_of,
            head.blake3,
            self.service.get(py, &answer.service),
            self.region.get_or_none(py, answer.region.as_deref()),
            self.engine.get(py, answer.engine.as_str()),
            milliseconds(answer.latency).into_pyobject(py)?.into_any(),
            self.stamp(answer.at),
            self.labels(&answer.labels)?,
            self.tuple(&answer.warnings)?,
            PyBytes::new(py, &answer.raw).into_any(),
            answer.attempts.into_pyobject(py)?.into_any(),
            head.extra,
        ])
    }

    fn failed(&mut self, head: Head<'py>, failure: &'a Failure) -> PyResult<[Bound<'py, PyAny>; 25]> {
        let py = self.py;
        Ok([
            head.key,
            head.source,
            false.into_pyobject(py)?.to_owned().into_any(),
            self.none.clone(),
            self.none.clone(),
            self.none.clone(),
            self.none.clone(),
            head.evidence,
            failure.request_id.as_deref().into_pyobject(py)?,
            failure.error_code().into_pyobject(py)?.into_any(),
            format!("{}: {}", failure.kind.name(), failure.message).into_pyobject(py)?.into_any(),
            head.billing,
            head.is_cached,
            head.duplicate_of,
            head.blake3,
            self.service.get(py, &self.asked.service),
            self.region.get_or_none(py, self.asked.region.as_deref()),
            self.none.clone(),
            self.none.clone(),
            self.none.clone(),
            self.empty.clone(),
            self.empty.clone(),
            failure.raw.as_ref().map(|raw| PyBytes::new(py, raw)).into_pyobject(py)?,
            failure.attempts.into_pyobject(py)?.into_any(),
            head.extra,
        ])
    }

    fn declared(&mut self, head: Head<'py>, warnings: &[&'static str]) -> PyResult<[Bound<'py, PyAny>; 25]> {
        let py = self.py;
        Ok([
            head.key,
            head.source,
            true.into_pyobject(py)?.to_owned().into_any(),
            self.label.get(py, LABEL),
            detection::verdict(LABEL).into_pyobject(py)?,
            self.none.clone(),
            self.none.clone(),
            head.evidence,
            self.none.clone(),
            self.none.clone(),
            self.none.clone(),
            head.billing,
            head.is_cached,
            head.duplicate_of,
            head.blake3,
            self.service.get(py, &self.asked.service),
            // Nobody was asked, anywhere, at no time.
            self.none.clone(),
            self.engine.get(py, Engine::Provenance.as_str()),
            self.none.clone(),
            self.none.clone(),
            self.empty.clone(),
            self.tuple(warnings)?,
            self.none.clone(),
            0_u32.into_pyobject(py)?.into_any(),
            head.extra,
        ])
    }

    fn tuple<T: AsRef<str>>(&self, texts: &[T]) -> PyResult<Bound<'py, PyAny>> {
        Ok(match texts.is_empty() {
            true => self.empty.clone(),
            false => PyTuple::new(self.py, texts.iter().map(AsRef::as_ref))?.into_any(),
        })
    }

    /// Labels as a tuple. Equal ones, as of all images that no label has a confidence of, are one object.
    fn labels(&mut self, labels: &'a [Label]) -> PyResult<Bound<'py, PyAny>> {
        if let Some((known, object)) = &self.labels
            && *known == labels
        {
            return Ok(object.clone());
        }
        let object = convert::labels(self.py, labels)?;
        self.labels = Some((labels, object.clone()));
        Ok(object)
    }

    /// A time since the epoch as ISO 8601, UTC, with milliseconds.
    fn stamp(&mut self, at: Duration) -> Bound<'py, PyAny> {
        if self.second.as_ref().is_none_or(|(second, _)| *second != at.as_secs()) {
            let second = i64::try_from(at.as_secs()).ok();
            let written =
                second.and_then(|second| OffsetDateTime::from_unix_timestamp(second).ok()?.format(STAMP).ok());
            self.second = written.map(|written| (at.as_secs(), written));
        }
        match &self.second {
            Some((_, written)) => {
                let digit = |unit| char::from_digit(at.subsec_millis() / unit % 10, 10).unwrap_or('0');
                let mut written = written.clone();
                written.extend(['.', digit(100), digit(10), digit(1), 'Z']);
                PyString::new(self.py, &written).into_any()
            }
            None => self.none.clone(),
        }
    }
}

/// What a row has whatever became of it.
struct Head<'py> {
    key: Bound<'py, PyAny>,
    source: Bound<'py, PyAny>,
    evidence: Bound<'py, PyAny>,
    billing: Bound<'py, PyAny>,
    is_cached: Bound<'py, PyAny>,
    duplicate_of: Bound<'py, PyAny>,
    blake3: Bound<'py, PyAny>,
    extra: Bound<'py, PyAny>,
}

/// `aigclens.scanning.counts.Tally` of rows.
pub fn tally<'py>(py: Python<'py>, rows: &[Row]) -> PyResult<Bound<'py, PyTuple>> {
    let mut tally = Tally::default();
    for row in rows {
        tally.add(row);
    }
    let Tally { ok, cached, duplicates, not_billed, errors, labels, engines, confidence, label_confidence } = tally;
    let label_confidence: Vec<_> = label_confidence.into_iter().map(|(name, bins)| (name, bins.to_vec())).collect();
    (ok, cached, duplicates, not_billed, errors, labels, engines, confidence.to_vec(), label_confidence)
        .into_pyobject(py)
}
