//! Without a file the same questions have the same answers, at hand or moved into the file that nobody sees.
use super::world::*;
use crate::attempt::{Attempt, Billing};
use crate::store::memory::Memory;
use crate::store::{End, Fingerprint, Intent, Intention, Item, Known, Settlement, Store};

/// Books that keep so many bytes at hand; with none, everything but what is being asked about moves at once.
fn holding(place: &Place, bytes: usize) -> Store {
    Store::in_memory(Memory::of(bytes), &place.ambient())
}

/// A file, memory, memory that spills now and then, and memory that spills all the time.
fn all(place: &Place) -> [Store; 4] {
    let memory = Store::open(None, &question(), &place.ambient()).unwrap();
    [place.open().unwrap(), memory, holding(place, 6_000), holding(place, 0)]
}

const BILLINGS: [Billing; 3] = [Billing::Billed, Billing::NotBilled, Billing::PossiblyBilled];

/// One call in one of the stores: its intents, those that were told of as ended, and how it ends.
struct Course {
    number: u32,
    item: Item,
    ends: Vec<Option<Attempt>>,
    end: End,
    /// Whether what is written is written once more, as by somebody who does not know that it was.
    is_repeated: bool,
}

impl Course {
    fn draw(seed: &mut Seed, contents: u64) -> Self {
        let billing = |seed: &mut Seed| BILLINGS[usize::try_from(seed.below(3)).unwrap()];
        let number = u32::try_from(seed.below(contents)).unwrap();
        let ends = (0..seed.below(3)).map(|_| (seed.below(4) > 0).then(|| attempt(billing(seed)))).collect();
        let end = match seed.below(5) {
            0 | 1 => answered(number),
            2 | 3 => failed(billing(seed)),
            _ => End::Open,
        };
        let item = item(number + u32::try_from(seed.below(2)).unwrap() * 1000);
        Self { number, item, ends, end, is_repeated: seed.below(4) == 0 }
    }

    /// Runs in a store; everything that the store said meanwhile.
    fn run(&self, store: &Store) -> Vec<Known> {
        let look = || wait(store.look(content(self.number), self.item.clone())).unwrap();
        let peek = || wait(store.peek(content(self.number))).unwrap();
        let mut told = vec![peek(), look()];
        let mut before: Vec<(Intent, Option<Attempt>)> = Vec::new();
        for end in &self.ends {
            let known = before.iter().filter_map(|(intent, end)| Some((*intent, end.clone()?))).collect();
            let intention = Intention { item: self.item.clone(), before: known, ..intention(self.number) };
            before.push((wait(store.intend(intention)).unwrap(), end.clone()));
            told.extend([peek(), look()]);
        }
        let settlement = Settlement { item: self.item.clone(), ..settlement(self.number, before, self.end.clone()) };
        for _ in 0..=u32::from(self.is_repeated) {
            wait(store.settle(settlement.clone())).unwrap();
            told.extend([peek(), look()]);
        }
        told
    }
}

/// B06, L19: whatever the course of calls about contents, a store in memory says what one in a file would, also across what it
/// has moved out of memory.
#[test]
fn memory_says_what_a_file_would() {
    let place = Place::new("same");
    let stores = all(&place);
    let mut seed = seed("memory_says_what_a_file_would");
    for step in 0..250 {
        let course = Course::draw(&mut seed, 12);
        let [file, others @ ..] = &stores;
        let told = course.run(file);
        for (which, other) in others.iter().enumerate() {
            assert_eq!(course.run(other), told, "step {step}, store {which}");
        }
    }
    for store in &stores {
        store.close().unwrap();
    }
}

/// What is met without being asked about has the key of the first, also when that one has moved out of memory.
#[test]
fn what_was_seen_before_is_the_same_too() {
    let place = Place::new("seen");
    for store in all(&place) {
        for round in 0..3 {
            for number in 0..40 {
                let seen = wait(store.seen_before(content(number), format!("{number} {round}"))).unwrap();
                assert_eq!(seen, (round > 0).then(|| format!("{number} 0")));
            }
        }
        answer_it(&store, 7);
        assert!(matches!(look(&store, 7).unwrap(), Known::Answered(past) if past.first_key == "7.jpg"));
        assert_eq!(wait(store.seen_before(content(7), "else".to_owned())).unwrap().as_deref(), Some("7 0"));
    }
}

/// Far more than is kept at hand: each duplicate is known, to the last bit, and nothing new is taken for one.
#[test]
fn a_late_duplicate_is_known_across_the_spill() {
    let place = Place::new("late");
    let store = holding(&place, 200_000);
    let many = 3000;
    for number in 0..many {
        assert_eq!(look(&store, number).unwrap(), Known::Nothing);
        answer_it(&store, number);
    }
    for number in (0..many).rev() {
        match look(&store, number).unwrap() {
            Known::Answered(past) => {
                assert_eq!((past.what, past.first_key), (answer(number), format!("{number}.jpg")));
            }
            other => panic!("{number}: {other:?}"),
        }
        assert_eq!(look(&store, many + number).unwrap(), Known::Nothing);
    }
    assert_eq!(place.names(), [""; 0], "nobody sees the file");
}

/// What is in memory has its bound, whatever passes through: answers, failures, contents that were met only.
#[test]
fn what_is_at_hand_is_bounded() {
    let most = 100_000;
    let mut memory = Memory::of(most);
    for number in 0..3000 {
        let intent = memory.intend(intention(number)).unwrap();
        let end = if number % 3 == 0 { failed(Billing::NotBilled) } else { answered(number) };
        let intents = vec![(intent, Some(attempt(Billing::Billed)))];
        memory.settle(settlement(number, intents, end)).unwrap();
        memory.seen(content(number + 100_000), format!("{number:0>100}")).unwrap();
        memory.look(content(number / 2)).unwrap();
        assert!(memory.held() <= most, "{}", memory.held());
    }
    assert!(memory.held() > most / 2, "the newest stay at hand");
}

/// Requests under way are never moved, however little there is room for; their ends are known where they were begun.
#[test]
fn what_is_under_way_stays_at_hand() {
    let place = Place::new("under-way");
    let store = holding(&place, 0);
    let intents: Vec<Intent> = (0..50).map(|number| intend(&store, number).unwrap()).collect();
    let fingerprint = |number: u32| -> Fingerprint { content(number) };
    for number in 0..50 {
        assert_eq!(wait(store.peek(fingerprint(number))).unwrap(), Known::Unresolved { tries: 1 });
        assert_eq!(look(&store, number).unwrap(), Known::Nothing);
    }
    for (number, intent) in (0..50).zip(intents) {
        settle_it(&store, number, intent);
        assert!(matches!(look(&store, number).unwrap(), Known::Answered(_)));
    }
}
