//! Credentials on their way down: what `aigclens.credentials` makes of a provider, and the program's own functions.
use crate::credential::{Credentials, OidcRole, Provider, Role, Sts, Supply};
use crate::error::{Error, Kind, Result as Outcome};
use crate::redact;
use crate::region::Endpoint;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::time::Duration;

/// An id, a secret, a token and an expiration in seconds since the epoch.
type Parts = (String, String, Option<String>, Option<f64>);

fn credentials((id, secret, token, expiration): Parts) -> Outcome<Credentials> {
    let end = expiration.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default());
    Ok(Credentials::new(&id, &secret, token.as_deref())?.until(end))
}

/// A provider: a word for its kind and its parts, as `aigclens.credentials` writes them.
pub fn provider(described: &Bound<'_, PyAny>) -> Outcome<Provider> {
    let wrong = |error: PyErr| {
        let kind = error.get_type(described.py()).to_string();
        Error::new(Kind::Config, format!("credentials= holds a value of a wrong type ({kind})"))
    };
    read(described).map_err(wrong)?
}

fn read(described: &Bound<'_, PyAny>) -> PyResult<Outcome<Provider>> {
    let described = described.cast::<PyTuple>()?;
    let part = |index| described.get_item(index);
    Ok(match part(0)?.extract::<String>()?.as_str() {
        "explicit" => credentials(part(1)?.extract()?).map(Provider::Explicit),
        "chain" => Ok(Provider::Chain),
        "environment" => Ok(Provider::Environment),
        "profile" => Ok(Provider::Profile { name: part(1)?.extract()?, path: part(2)?.extract()? }),
        "ecs_role" => {
            let endpoint = part(2)?.extract::<Option<String>>()?.map(|text| metadata(&text)).transpose();
            let role = part(1)?.extract()?;
            endpoint.map(|endpoint| Provider::EcsRole { role, endpoint })
        }
        "assume_role" => {
            let role = role(part(1)?.cast::<PyDict>()?)?;
            let source = read(&part(2)?)?;
            role.and_then(|role| Ok(Provider::AssumeRole { role, source: Box::new(source?) }))
        }
        "oidc" => {
            let role = role(part(1)?.cast::<PyDict>()?)?;
            let (provider_arn, token_file) = (part(2)?.extract()?, part(3)?.extract::<Option<PathBuf>>()?);
            role.map(|role| Provider::Oidc(OidcRole { role, provider_arn, token_file }))
        }
        "uri" => Ok(Provider::Uri(part(1)?.extract()?)),
        "custom" => Ok(Provider::Custom(Arc::new(Function(part(1)?.unbind())))),
        other => Err(Error::new(Kind::Config, format!("unknown kind of credentials '{other}'"))),
    })
}

/// The metadata service speaks plain http, to the machine that it describes; https where that is asked for.
fn metadata(text: &str) -> Outcome<Endpoint> {
    match text.trim().strip_prefix("http://") {
        None if text.contains("://") => Endpoint::parse(text),
        bare => Ok(Endpoint { scheme: "http", ..Endpoint::parse(bare.unwrap_or(text))? }),
    }
}

fn role(parts: &Bound<'_, PyDict>) -> PyResult<Outcome<Role>> {
    let text = |name: &str| -> PyResult<Option<String>> { parts.as_any().get_item(name)?.extract() };
    let vpc = parts.as_any().get_item("vpc")?.extract()?;
    let sts = Sts::new(text("region")?, vpc, text("endpoint")?.as_deref());
    let role = Role {
        arn: text("role_arn")?,
        session_name: text("session_name")?,
        duration: parts.as_any().get_item("duration")?.extract()?,
        policy: text("policy")?,
        external_id: text("external_id")?,
        sts: Sts::default(),
    };
    Ok(sts.and_then(|sts| role.seconds().map(|_| Role { sts, ..role })))
}

static SUPPLIED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A function of the program's own. Called on a thread made for such work, never on one that does the network's.
struct Function(Py<PyAny>);

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Function")
    }
}

impl Supply for Function {
    /// Waits on a thread made for such work, which is not attached to Python meanwhile: see `_supply`.
    fn supply(&self) -> Outcome<Credentials> {
        let (sender, delivered) = mpsc::sync_channel(1);
        let called = Python::try_attach(|py| self.call(py, sender).map_err(|error| raised(py, &error)));
        let ending = || Error::new(Kind::Credentials, "Python is shutting down; no credentials");
        called.unwrap_or_else(|| Err(ending()))?;
        credentials(delivered.recv().map_err(|_| ending())??)
            .map_err(|error| Error::new(error.kind(), format!("the credentials= function: {}", error.message())))
    }
}

impl Function {
    fn call(&self, py: Python<'_>, sender: SyncSender<Outcome<Parts>>) -> PyResult<()> {
        let find = || py.import("aigclens.credentials")?.getattr(intern!(py, "_supply")).map(Bound::unbind);
        let deliver = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<()> {
            let (parts, problem): (Bound<'_, PyAny>, Bound<'_, PyAny>) = arguments.extract()?;
            let told = |error: PyErr| raised(arguments.py(), &error);
            let outcome = match problem.is_none() {
                true => parts.extract::<Parts>().map_err(told),
                false => Err(told(PyErr::from_value(problem))),
            };
            // Nobody waits any more: the call was given up.
            let _ = sender.try_send(outcome);
            Ok(())
        };
        let deliver = PyCFunction::new_closure(py, None, None, deliver)?;
        SUPPLIED.get_or_try_init(py, find)?.bind(py).call1((&self.0, deliver)).map(drop)
    }
}

/// What a function raised: its type and its words, without what may be a secret in them.
fn raised(py: Python<'_>, error: &PyErr) -> Error {
    let kind = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let said = error.value(py).str().map(|text| text.to_string()).unwrap_or_default();
    let said = redact::opaque(&said);
    Error::new(Kind::Credentials, format!("the credentials= function raised {kind}: {said}"))
}
