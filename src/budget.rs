//! What may be spent, and what has been: reserved before a request, settled after it. Whole millionths of a dollar.
use crate::attempt::Billing;
use crate::price;

/// An account of a scan's money. Spent, reserved and doubtful together never pass the limit (M01).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    limit: Option<u64>,
    /// What one call costs.
    price: u64,
    billed: u64,
    possibly: u64,
    reserved: u64,
}

impl Budget {
    /// One with a limit, or none, of which something may be gone already (M02).
    pub const fn new(limit: Option<u64>, billed: u64, possibly: u64) -> Self {
        Self { limit, price: price::LIST.micro_dollars, billed, possibly, reserved: 0 }
    }

    /// Takes the price of one call out of what is left; `false` where that much is not left, and nothing is taken.
    #[must_use]
    pub fn reserve(&mut self) -> bool {
        let wanted = self.reserved.saturating_add(self.price);
        let total = self.billed.saturating_add(self.possibly).saturating_add(wanted);
        let fits = self.limit.is_none_or(|limit| total <= limit);
        if fits {
            self.reserved = wanted;
        }
        fits
    }

    /// A reserved call has ended.
    pub fn settle(&mut self, billing: Billing) {
        self.reserved = self.reserved.saturating_sub(self.price);
        match billing {
            Billing::Billed => self.billed = self.billed.saturating_add(self.price),
            Billing::PossiblyBilled => self.possibly = self.possibly.saturating_add(self.price),
            Billing::NotBilled => {}
        }
    }

    /// Whether not even the end of all calls in flight can make room for another one.
    pub fn is_spent(&self) -> bool {
        let total = self.billed.saturating_add(self.possibly).saturating_add(self.price);
        self.limit.is_some_and(|limit| total > limit)
    }

    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Charged for certain.
    pub const fn billed(&self) -> u64 {
        self.billed
    }

    /// Charged perhaps.
    pub const fn possibly(&self) -> u64 {
        self.possibly
    }

    /// What a call in flight may still cost.
    pub const fn reserved(&self) -> u64 {
        self.reserved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// M03: a budget of nothing lets nothing through, and one of a hair less than a call neither.
    #[test]
    fn nothing_is_sent_for_less_than_a_call() {
        let price = price::LIST.micro_dollars;
        for (limit, calls) in [(0, 0), (price - 1, 0), (price, 1), (price * 3 + 1, 3)] {
            let mut budget = Budget::new(Some(limit), 0, 0);
            assert_eq!((0..10).filter(|_| budget.reserve()).count(), calls, "{limit}");
        }
        assert!(Budget::new(None, u64::MAX, u64::MAX).reserve());
    }

    /// M02: what an earlier run spent, and what it may have spent, is gone.
    #[test]
    fn a_budget_goes_on_where_it_was() {
        let price = price::LIST.micro_dollars;
        let mut budget = Budget::new(Some(4 * price), price, 2 * price);
        assert!(budget.reserve());
        assert!(!budget.reserve());
        budget.settle(Billing::NotBilled);
        assert!(budget.reserve());
    }

    proptest! {
        /// M01: whatever the order of reservations and their ends, the limit is never passed, at no instant; and nothing is
        /// refused that would have fitted.
        #[test]
        fn billed_doubtful_and_reserved_never_pass_the_limit(
            limit in 0_u64..40_000,
            steps in prop::collection::vec((any::<bool>(), 0_u8..3), 0..400),
        ) {
            let mut budget = Budget::new(Some(limit), 0, 0);
            let price = budget.price;
            let (mut in_flight, mut sure, mut perhaps) = (0_u64, 0_u64, 0_u64);
            for (starts, end) in steps {
                if starts {
                    let fits = (in_flight + sure + perhaps + 1) * price <= limit;
                    prop_assert_eq!(budget.reserve(), fits);
                    in_flight += u64::from(fits);
                } else if in_flight > 0 {
                    in_flight -= 1;
                    let billing = [Billing::Billed, Billing::PossiblyBilled, Billing::NotBilled][usize::from(end)];
                    sure += u64::from(billing == Billing::Billed);
                    perhaps += u64::from(billing == Billing::PossiblyBilled);
                    budget.settle(billing);
                }
                let total = budget.billed() + budget.possibly() + budget.reserved();
                prop_assert!(total <= limit);
                prop_assert_eq!(
                    (budget.billed(), budget.possibly(), budget.reserved()),
                    (sure * price, perhaps * price, in_flight * price)
                );
            }
        }
    }
}
