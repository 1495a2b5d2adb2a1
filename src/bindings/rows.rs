//! Rows of a scan on their way up, and the same out of a store.
use super::convert;
use crate::client::LABEL;
use crate::detection::{self, Engine};
use crate::encode;
use crate::scan::{Row, What};
use crate::store::By;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What makes a row of its fields.
static ROW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Who was asked, for rows that nobody answered.
pub struct Asked {
    pub service: String,
    pub region: Option<String>,
}

/// The same number as the view of a store gives, without digits that nobody measured.
#[allow(clippy::cast_precision_loss, reason = "exact up to a hundred days")]
fn milliseconds(span: Duration) -> f64 {
    span.as_nanos() as f64 / 1e6
}

/// A time since the epoch as ISO 8601, UTC.
fn stamp(at: Duration) -> Option<String> {
    let nanos = i128::try_from(at.as_nanos()).ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(STAMP).ok()
}

/// `aigclens.scanning.rows.ScanRow`, its fields in order.
pub fn row<'py>(py: Python<'py>, row: &Row, asked: &Asked, extras: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    let class = ROW.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
        Ok(py.import("aigclens.scanning.rows")?.getattr("made")?.unbind())
    })?;
    let extra = match extras.is_empty() {
        true => None,
        false => extras.call_method1("pop", (row.number, py.None()))?.into(),
    };
    let blake3 = row.fingerprint.filter(|known| known.by == By::Bytes).map(|known| encode::hex(&known.hash));
    let evidence = PyTuple::new(py, &row.evidence)?.into_any();
    let none = || py.None().into_bound(py);
    let mut fields: Vec<Bound<'py, PyAny>> = Vec::with_capacity(25);
    fields.push(row.item.key.as_str().into_pyobject(py)?.into_any());
    fields.push(row.item.source.as_str().into_pyobject(py)?.into_any());
    let billing = row.billing.as_str().into_pyobject(py)?.into_any();
    let is_cached = row.is_cached.into_pyobject(py)?.to_owned().into_any();
    let duplicate_of = row.duplicate_of.as_deref().into_pyobject(py)?;
    let blake3 = blake3.into_pyobject(py)?;
    match &row.what {
        What::Answered(answer) => fields.extend([
            true.into_pyobject(py)?.to_owned().into_any(),
            answer.label.as_deref().into_pyobject(py)?,
            answer.is_aigc.into_pyobject(py)?,
            answer.confidence.into_pyobject(py)?,
            answer.risk_level.as_deref().into_pyobject(py)?,
            evidence,
            answer.request_id.as_deref().into_pyobject(py)?,
            none(),
            none(),
            billing,
            is_cached,
            duplicate_of,
            blake3,
            answer.service.as_str().into_pyobject(py)?.into_any(),
            answer.region.as_deref().into_pyobject(py)?,
            answer.engine.as_str().into_pyobject(py)?.into_any(),
            milliseconds(answer.latency).into_pyobject(py)?.into_any(),
            stamp(answer.at).into_pyobject(py)?,
            convert::labels(py, &answer.labels)?,
            PyTuple::new(py, &answer.warnings)?.into_any(),
            PyBytes::new(py, &answer.raw).into_any(),
            answer.attempts.into_pyobject(py)?.into_any(),
        ]),
        What::Declared { warnings } => fields.extend([
            true.into_pyobject(py)?.to_owned().into_any(),
            LABEL.into_pyobject(py)?.into_any(),
            detection::verdict(LABEL).into_pyobject(py)?,
            none(),
            none(),
            evidence,
            none(),
            none(),
            none(),
            billing,
            is_cached,
            duplicate_of,
            blake3,
            asked.service.as_str().into_pyobject(py)?.into_any(),
            // Nobody was asked, anywhere, at no time.
            none(),
            Engine::Provenance.as_str().into_pyobject(py)?.into_any(),
            none(),
            none(),
            PyTuple::empty(py).into_any(),
            PyTuple::new(py, warnings)?.into_any(),
            none(),
            0_u32.into_pyobject(py)?.into_any(),
        ]),
        What::Failed(failure) => fields.extend([
            false.into_pyobject(py)?.to_owned().into_any(),
            none(),
            none(),
            none(),
            none(),
            evidence,
            failure.request_id.as_deref().into_pyobject(py)?,
            failure.code.as_deref().unwrap_or_else(|| failure.kind.name()).into_pyobject(py)?.into_any(),
            format!("{}: {}", failure.kind.name(), failure.message).into_pyobject(py)?.into_any(),
            billing,
            is_cached,
            duplicate_of,
            blake3,
            asked.service.as_str().into_pyobject(py)?.into_any(),
            asked.region.as_deref().into_pyobject(py)?,
            none(),
            none(),
            none(),
            PyTuple::empty(py).into_any(),
            PyTuple::empty(py).into_any(),
            failure.raw.as_ref().map(|raw| PyBytes::new(py, raw)).into_pyobject(py)?,
            failure.attempts.into_pyobject(py)?.into_any(),
        ]),
    }
    fields.push(extra.unwrap_or_else(none));
    class.bind(py).call1(PyTuple::new(py, fields)?)
}
