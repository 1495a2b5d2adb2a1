//! What a call costs, named once: prices change, and whoever reckons with them takes them from here (M08).

/// The price of answered calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Millionths of a dollar for one answered call, so that sums are exact.
    pub micro_dollars: u64,
    /// The day of the service's page that says so, as ISO 8601.
    pub as_of: &'static str,
}

/// 0.60 USD for 1,000 calls, by the service's pages.
pub const LIST: Price = Price { micro_dollars: 600, as_of: "2025-11-24" };

/// An amount of millionths of a dollar as dollars, exactly.
pub fn dollars(micro: u64) -> String {
    let text = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
    let short = text.trim_end_matches('0');
    // Cents are always shown.
    let length = text.find('.').map_or(text.len(), |dot| (dot + 3).max(short.len()));
    text.get(..length).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (micro, text) in
            [(0, "0.00"), (600, "0.0006"), (60_000, "0.06"), (600_000, "0.60"), (1_234_567, "1.234567")]
        {
            assert_eq!(dollars(micro), text);
        }
    }

    /// M08: no other line of the core names the price.
    #[test]
    fn the_price_is_what_the_page_says() {
        assert_eq!(
            (dollars(LIST.micro_dollars).as_str(), dollars(LIST.micro_dollars * 1_000).as_str()),
            ("0.0006", "0.60")
        );
    }
}
