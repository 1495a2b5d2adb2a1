//! Many images, one after another and many at once, with a store and a budget.
