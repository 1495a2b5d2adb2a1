//! What images declare, across the wall.
use super::{convert, errors, interpreter};
use crate::client::Source;
use crate::error::{Error, Kind, Result as Outcome};
use crate::evidence::Evidence;
use crate::image::{FileReach, Limits, file};
use crate::provenance::{self, Manifest, Provenance};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use std::path::{Path, PathBuf};

/// More than this is no image that is read whole: 1 GiB.
const MOST: u64 = 1 << 30;

static EVIDENCE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The dataclasses of `aigclens.provenance`.
struct Nouns {
    action: Py<PyAny>,
    ingredient: Py<PyAny>,
    manifest: Py<PyAny>,
}

static NOUNS: PyOnceLock<Nouns> = PyOnceLock::new();

/// Declarations, as a tuple of `aigclens.models.Evidence`.
pub fn evidence<'py>(py: Python<'py>, found: &[Evidence]) -> PyResult<Bound<'py, PyTuple>> {
    if found.is_empty() {
        return Ok(PyTuple::empty(py));
    }
    let class = EVIDENCE.get_or_try_init(py, || -> PyResult<Py<PyAny>> {
        Ok(py.import("aigclens.models")?.getattr("Evidence")?.unbind())
    })?;
    let one = |one: &Evidence| {
        let fields = PyDict::new(py);
        for (name, value) in &one.fields {
            // A name that comes twice, as in a list of systems, has all of its values.
            match fields.get_item(name)? {
                Some(before) => fields.set_item(name, format!("{}; {value}", before.extract::<String>()?))?,
                None => fields.set_item(name, value)?,
            }
        }
        let parts = (one.kind.as_str(), one.source.as_str(), one.strength.as_str(), &one.detail, fields, &one.place);
        class.bind(py).call1(parts)
    };
    PyTuple::new(py, found.iter().map(one).collect::<PyResult<Vec<_>>>()?)
}

/// What a local source (`aigclens.sources`) declares: format, declarations, manifests, metadata, remote manifest, warnings.
#[pyfunction]
#[pyo3(signature = (source, deep, /))]
pub fn inspect<'py>(py: Python<'py>, source: &Bound<'py, PyTuple>, deep: bool) -> PyResult<Bound<'py, PyTuple>> {
    let source = convert::source(source)?;
    let found = interpreter::detached(py, || match source {
        Source::Path(path) if deep => file::read(&path, &limits()).map(|bytes| provenance::inspect_deep(&bytes)),
        Source::Path(path) => look_into(&path),
        Source::Bytes(bytes) if deep => Ok(provenance::inspect_deep(&bytes)),
        Source::Bytes(bytes) => Ok(provenance::read(&bytes)),
        _ => Err(Error::new(Kind::UnsupportedSource, "only local images are inspected; pass a path or bytes")),
    });
    answer(py, &found.map_err(|error| errors::raise(py, &error))?)
}

/// A file's bytes, by the rules by which images are read.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn read(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyBytes>> {
    let bytes =
        interpreter::detached(py, || file::read(&path, &limits())).map_err(|error| errors::raise(py, &error))?;
    Ok(PyBytes::new(py, &bytes))
}

fn limits() -> Limits {
    Limits { max_bytes: MOST, ..Limits::default() }
}

/// Of a file only what is needed is read. A disk that stumbles is an error, and no file without declarations.
fn look_into(path: &Path) -> Outcome<Provenance> {
    let file = FileReach::open(path)?;
    let found = provenance::inspect(&file);
    file.problem().map_or(Ok(found), Err)
}

fn answer<'py>(py: Python<'py>, found: &Provenance) -> PyResult<Bound<'py, PyTuple>> {
    (
        found.format.map(|format| format.name()),
        evidence(py, &found.evidence)?,
        manifests(py, &found.manifests)?,
        PyTuple::new(py, &found.metadata)?,
        found.remote_manifest.as_deref(),
        PyTuple::new(py, &found.warnings)?,
    )
        .into_pyobject(py)
}

fn manifests<'py>(py: Python<'py>, found: &[Manifest]) -> PyResult<Bound<'py, PyTuple>> {
    if found.is_empty() {
        return Ok(PyTuple::empty(py));
    }
    let nouns = NOUNS.get_or_try_init(py, || -> PyResult<Nouns> {
        let module = py.import("aigclens.provenance")?;
        let class = |name| module.getattr(name).map(Bound::unbind);
        Ok(Nouns { action: class("Action")?, ingredient: class("Ingredient")?, manifest: class("Manifest")? })
    })?;
    let one = |manifest: &Manifest| {
        let actions = manifest
            .actions
            .iter()
            .map(|one| nouns.action.bind(py).call1((&one.action, &one.digital_source_type, &one.software_agent)));
        let ingredients = manifest
            .ingredients
            .iter()
            .map(|one| nouns.ingredient.bind(py).call1((&one.title, &one.relationship, &one.manifest)));
        nouns.manifest.bind(py).call1((
            &manifest.label,
            manifest.is_active,
            &manifest.claim_generator,
            PyTuple::new(py, &manifest.assertions)?,
            PyTuple::new(py, actions.collect::<PyResult<Vec<_>>>()?)?,
            PyTuple::new(py, ingredients.collect::<PyResult<Vec<_>>>()?)?,
            PyTuple::new(py, &manifest.soft_bindings)?,
        ))
    };
    PyTuple::new(py, found.iter().map(one).collect::<PyResult<Vec<_>>>()?)
}
