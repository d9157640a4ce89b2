//! What people use: the products whose days of activity the history keeps.

/// A product of Microsoft 365 as the reports tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    /// Mail and calendar.
    Exchange,
    /// A person's own files.
    OneDrive,
    /// Sites, and the files of groups.
    SharePoint,
    /// Chat, channels, calls and meetings.
    Teams,
    /// Viva Engage, which Graph still calls Yammer.
    Yammer,
    /// Microsoft Forms.
    Forms,
    /// Microsoft Edge with a work account.
    Browser,
    /// The Office apps on desktop, phone and web.
    Apps,
    /// Microsoft 365 Copilot.
    Copilot,
    /// Skype for Business: licensed, retired, never used.
    Skype,
}

impl Product {
    /// All of them; those with days of activity first.
    pub const ALL: [Product; 10] = [
        Product::Exchange,
        Product::OneDrive,
        Product::SharePoint,
        Product::Teams,
        Product::Yammer,
        Product::Forms,
        Product::Browser,
        Product::Apps,
        Product::Copilot,
        Product::Skype,
    ];

    /// How many have days of activity.
    pub const USED: usize = 9;

    /// Its position in [`Product::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name in the vocabulary of `emulate` keys.
    pub fn key(self) -> &'static str {
        match self {
            Product::Exchange => "exchange",
            Product::OneDrive => "onedrive",
            Product::SharePoint => "sharepoint",
            Product::Teams => "teams",
            Product::Yammer => "yammer",
            Product::Forms => "forms",
            Product::Browser => "browser",
            Product::Apps => "apps",
            Product::Copilot => "copilot",
            Product::Skype => "skype",
        }
    }

    /// Its name in the truth and in the marts.
    pub fn truth_name(self) -> &'static str {
        match self {
            Product::Yammer => "viva_engage",
            Product::Apps => "microsoft365_apps",
            Product::Skype => "skype_for_business",
            other => other.key(),
        }
    }

    /// The product with this key.
    pub fn from_key(key: &str) -> Option<Product> {
        Product::ALL.into_iter().find(|p| p.key() == key)
    }

    /// Whether it is one of the six that make up "Office 365" in the active-user reports.
    pub fn in_suite(self) -> bool {
        matches!(
            self,
            Product::Exchange
                | Product::OneDrive
                | Product::SharePoint
                | Product::Teams
                | Product::Yammer
                | Product::Skype
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_products() {
        for (i, p) in Product::ALL.into_iter().enumerate() {
            assert_eq!(p.index(), i);
            assert_eq!(Product::from_key(p.key()), Some(p));
        }
        assert_eq!(Product::ALL.iter().filter(|p| p.index() < Product::USED).count(), Product::USED);
    }
}
