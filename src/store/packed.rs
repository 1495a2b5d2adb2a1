//! An answer in one piece. A scan without a store keeps every answer, and asks for hardly any of them again: a dozen texts of its own
//! each would be a dozen pieces of memory that are never used again while they are warm.
use super::record::Answer;
use crate::attempt::Billing;
use crate::detection::{Engine, Label};
use std::time::Duration;

/// What stands for a text that is not there; no text is as long.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn pack(answer: &Answer) -> Self {
        let mut packer = Packer(Vec::with_capacity(256 + answer.raw.len()));
        packer.bytes(&answer.raw);
        packer.text(answer.label.as_deref());
        packer.byte(answer.is_aigc.map_or(2, u8::from));
        packer.float(answer.confidence);
        packer.text(answer.risk_level.as_deref());
        packer.list(&answer.labels, |packer, label| {
            packer.text(Some(&label.name));
            packer.float(label.confidence);
            packer.text(label.description.as_deref());
            packer.text(label.risk_level.as_deref());
        });
        for words in [&answer.warnings, &answer.evidence] {
            packer.list(words, |packer, word| packer.text(Some(word)));
        }
        packer.text(answer.request_id.as_deref());
        packer.text(Some(&answer.service));
        packer.text(answer.region.as_deref());
        packer.byte(match answer.engine {
            Engine::Service => 0,
            Engine::Emulator => 1,
            Engine::Provenance => 2,
        });
        packer.byte(match answer.billing {
            Billing::NotBilled => 0,
            Billing::PossiblyBilled => 1,
            Billing::Billed => 2,
        });
        packer.number(answer.attempts);
        for time in [answer.latency, answer.at] {
            packer.0.extend_from_slice(&time.as_secs().to_le_bytes());
            packer.number(time.subsec_nanos());
        }
        Self(packer.0.into_boxed_slice())
    }

    /// The same answer. There is one in whatever was packed.
    pub(super) fn unpack(&self) -> Option<Answer> {
        Unpacker(&self.0).answer().ok()
    }

    /// What it is, to be kept elsewhere.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What was kept elsewhere; nothing where that is no answer.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Self> {
        let packed = Self(bytes.into());
        packed.unpack().is_some().then_some(packed)
    }
}

struct Packer(Vec<u8>);

impl Packer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // An answer has a mebibyte at most.
        self.number(u32::try_from(bytes.len()).unwrap_or_default());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.bytes(text.as_bytes()),
            None => self.number(NONE),
        }
    }

    /// Bit by bit; nothing is a number that no score is.
    fn float(&mut self, number: Option<f64>) {
        self.0.extend_from_slice(&number.unwrap_or(f64::NAN).to_le_bytes());
    }

    fn list<T>(&mut self, list: &[T], each: impl Fn(&mut Self, &T)) {
        self.number(u32::try_from(list.len()).unwrap_or_default());
        for one in list {
            each(self, one);
        }
    }
}

struct Unpacker<'a>(&'a [u8]);

/// It ends too early, or is no text.
struct Broken;

type Unpacked<T> = Result<T, Broken>;

impl<'a> Unpacker<'a> {
    fn answer(&mut self) -> Unpacked<Answer> {
        let raw = self.bytes()?.ok_or(Broken)?.to_vec();
        Ok(Answer {
            raw,
            label: self.text()?,
            is_aigc: self.one_of(&[Some(false), Some(true), None])?,
            confidence: self.float()?,
            risk_level: self.text()?,
            labels: self.list(|packed| {
                Ok(Label {
                    name: packed.word()?,
                    confidence: packed.float()?,
                    description: packed.text()?,
                    risk_level: packed.text()?,
                })
            })?,
            warnings: self.list(Self::word)?,
            evidence: self.list(Self::word)?,
            request_id: self.text()?,
            service: self.word()?,
            region: self.text()?,
            engine: self.one_of(&[Engine::Service, Engine::Emulator, Engine::Provenance])?,
            billing: self.one_of(&[Billing::NotBilled, Billing::PossiblyBilled, Billing::Billed])?,
            attempts: self.number()?,
            latency: self.time()?,
            at: self.time()?,
        })
    }

    fn take(&mut self, length: usize) -> Unpacked<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Broken)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Unpacked<[u8; LENGTH]> {
        self.take(LENGTH)?.try_into().map_err(|_| Broken)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Unpacked<T> {
        let [which] = self.array()?;
        all.get(usize::from(which)).copied().ok_or(Broken)
    }

    fn number(&mut self) -> Unpacked<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn bytes(&mut self) -> Unpacked<Option<&'a [u8]>> {
        match self.number()? {
            NONE => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| Broken)?).map(Some),
        }
    }

    fn text(&mut self) -> Unpacked<Option<String>> {
        let text = self.bytes()?.map(|bytes| std::str::from_utf8(bytes).map(str::to_owned));
        text.transpose().map_err(|_| Broken)
    }

    fn word(&mut self) -> Unpacked<String> {
        self.text()?.ok_or(Broken)
    }

    fn float(&mut self) -> Unpacked<Option<f64>> {
        let number = f64::from_le_bytes(self.array()?);
        Ok((!number.is_nan()).then_some(number))
    }

    fn time(&mut self) -> Unpacked<Duration> {
        let seconds = u64::from_le_bytes(self.array()?);
        Ok(Duration::new(seconds, self.number()?))
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Unpacked<T>) -> Unpacked<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| each(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("\\PC{0,20}")
    }

    fn score() -> impl Strategy<Value = Option<f64>> {
        proptest::option::of(0.0..=100.0)
    }

    prop_compose! {
        fn label()(name in "\\PC{0,20}", confidence in score(), description in text(), risk_level in text()) -> Label {
            Label { name, confidence, description, risk_level }
        }
    }

    prop_compose! {
        fn answer()(
            (label, risk_level, request_id, region) in (text(), text(), text(), text()),
            is_aigc in any::<Option<bool>>(),
            confidence in score(),
            labels in proptest::collection::vec(label(), 0..4),
            warnings in proptest::collection::vec("[a-z_]{0,20}", 0..3),
            evidence in proptest::collection::vec("\\PC{0,20}", 0..3),
            service in "\\PC{0,20}",
            (engine, billing) in (0..3_usize, 0..3_usize),
            attempts in any::<u32>(),
            (latency, at) in (any::<Duration>(), any::<Duration>()),
            raw in proptest::collection::vec(any::<u8>(), 0..300),
        ) -> Answer {
            let engine = [Engine::Service, Engine::Emulator, Engine::Provenance][engine];
            let billing = [Billing::NotBilled, Billing::PossiblyBilled, Billing::Billed][billing];
            Answer {
                label, is_aigc, confidence, risk_level, labels, warnings, evidence, request_id, service, region, engine, billing,
                attempts, latency, at, raw,
            }
        }
    }

    proptest! {
        #[test]
        fn an_answer_is_unpacked_as_it_was(answer in answer()) {
            let packed = Packed::pack(&answer);
            prop_assert_eq!(packed.unpack(), Some(answer));
            let bytes = packed.bytes();
            prop_assert_eq!(Packed::read(bytes[..bytes.len() - 1].to_vec()), None);
            prop_assert_eq!(Packed::read(bytes.to_vec()), Some(packed));
        }
    }
}
