//! The parameters beside the image, each checked when it is made, so that the rest of the code need not ask again.
use crate::error::{Error, Kind, Result};

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::InvalidParameter, message)
}

macro_rules! parameter {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<Self> {
                let check: fn(&str) -> Result<()> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

parameter!(
    /// The user's own name of an image, given back in the answer (J11).
    DataId,
    |text| match text.len() {
        1..=64 if is_word(text) => Ok(()),
        _ => Err(invalid("data_id is 1 to 64 characters of A-Z, a-z, 0-9, '_', '.' and '-'")),
    }
);

parameter!(
    /// What the service's fetcher sends as `Referer` when it downloads the image (J12).
    Referer,
    |text| match text.chars().count() {
        1..=256 if !text.chars().any(char::is_control) => Ok(()),
        _ => Err(invalid("referer is 1 to 256 characters on one line")),
    }
);

parameter!(
    /// A free text, since a service copied in the console has a name of its own (J16).
    ServiceName,
    |text| match text.len() {
        1..=128 if is_word(text) => Ok(()),
        _ => Err(invalid("service is a name of 1 to 128 characters such as 'aigcDetector_global'")),
    }
);

parameter!(
    /// Further information to be returned, for example `customImage,textInImage`.
    InfoType,
    |text| match text.len() {
        1..=256 if text.split(',').all(|part| !part.is_empty() && is_word(part)) => Ok(()),
        _ => Err(invalid("info_type is a list of names with commas and no spaces, such as 'customImage,textInImage'")),
    }
);

/// An object in a bucket of the user's (J13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OssObject {
    pub bucket: String,
    /// Without a leading slash.
    pub key: String,
    pub region: Option<String>,
}

impl OssObject {
    pub fn new(bucket: &str, key: &str, region: Option<&str>) -> Result<Self> {
        let is_bucket = (3..=63).contains(&bucket.len())
            && bucket.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !bucket.starts_with('-')
            && !bucket.ends_with('-');
        if !is_bucket {
            return Err(invalid("the bucket is 3 to 63 lower-case letters, digits and '-', with no '-' at its ends"));
        }
        if key.is_empty() || key.len() > 1_023 {
            return Err(invalid("the object's key is 1 to 1,023 bytes of UTF-8"));
        }
        if key.starts_with(['/', '\\']) || key.chars().any(char::is_control) {
            return Err(invalid("the object's key must not begin with '/' or '\\' nor hold control characters"));
        }
        // Written as the console writes it ("oss-cn-shanghai") or as everything else does.
        let region = region.map(|region| region.strip_prefix("oss-").unwrap_or(region));
        if let Some(region) = region {
            let is_region = !region.is_empty()
                && region.len() <= 64
                && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !is_region {
                return Err(invalid("the bucket's region is an id such as 'ap-southeast-1'"));
            }
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), region: region.map(str::to_owned) })
    }

    /// `oss://bucket/key`; the key is taken as it is written.
    pub fn parse(text: &str) -> Result<Self> {
        let prefix = text.get(..6).filter(|prefix| prefix.eq_ignore_ascii_case("oss://"));
        let parts = prefix.and_then(|_| text.get(6..)).and_then(|rest| rest.split_once('/'));
        match parts {
            Some((bucket, key)) => Self::new(bucket, key, None),
            None => Err(invalid("an OSS object is written 'oss://bucket/key'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J11.
    #[test]
    fn data_ids_up_to_64_characters_of_the_published_set() {
        for good in ["a", "img-1_2.3", &"x".repeat(64)] {
            assert_eq!(DataId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "图", "*", &"x".repeat(65), "a\n"] {
            assert_eq!(DataId::parse(bad).unwrap_err().kind(), Kind::InvalidParameter, "{bad:?}");
        }
    }

    /// J12, J16.
    #[test]
    fn referers_services_and_info_types() {
        assert!(Referer::parse(&"é".repeat(256)).is_ok());
        for bad in [String::new(), "x".repeat(257), "a\r\nb: c".to_owned()] {
            assert!(Referer::parse(&bad).is_err());
        }
        assert!(ServiceName::parse("postImageCheckByVL_global_01").is_ok() && ServiceName::parse("a b").is_err());
        assert!(ServiceName::parse("").is_err());
        assert!(InfoType::parse("customImage,textInImage").is_ok());
        for bad in ["", "a,,b", "a, b", ","] {
            assert!(InfoType::parse(bad).is_err(), "{bad:?}");
        }
    }

    /// J13.
    #[test]
    fn objects_with_whatever_may_be_wrong_with_them() {
        let whole = OssObject::parse("oss://my-bucket/a/b c%20é.png").unwrap();
        assert_eq!((whole.bucket.as_str(), whole.key.as_str(), whole.region), ("my-bucket", "a/b c%20é.png", None));
        let console = OssObject::new("bucket", "key", Some("oss-cn-shanghai")).unwrap();
        assert_eq!(console.region.as_deref(), Some("cn-shanghai"));
        assert!(OssObject::new("bucket", &"k".repeat(1_023), None).is_ok());
        let (long, wide) = ("k".repeat(1_024), "é".repeat(512));
        for (bucket, key, region) in [
            ("", "key", None),
            ("Bu", "key", None),
            ("-bucket", "key", None),
            ("bucket.name", "key", None),
            ("bucket", "", None),
            ("bucket", "/key", None),
            ("bucket", "\\key", None),
            ("bucket", "a\0b", None),
            ("bucket", &long, None),
            ("bucket", &wide, None),
            ("bucket", "key", Some("")),
            ("bucket", "key", Some("Singapore 1")),
        ] {
            let refused = OssObject::new(bucket, key, region).unwrap_err();
            assert_eq!(refused.kind(), Kind::InvalidParameter, "{bucket} {key} {region:?}");
        }
        for bad in ["oss://", "oss://bucket", "oss://bucket/", "oss:bucket/key", "öss://b/k"] {
            assert!(OssObject::parse(bad).is_err(), "{bad}");
        }
    }
}
