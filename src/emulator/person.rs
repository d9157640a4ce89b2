//! A person of the tenant: who they are, what they are licensed for and what they are used to.
//!
//! Everything that changes in a life carries the day on which it changes, so that any day can be asked about.

use super::names::Name;
use super::places::{COUNTRIES, Country, DEPARTMENTS, QUIET_COUNTRY};
use super::product::Product;
use super::skus::{self, Activation};
use crate::day::Day;

/// Days for which a deleted person stays in the reports.
pub const DELETED_SHOWN: i32 = 30;

/// A licence that a person has, or had.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Position in [`skus::SKUS`].
    pub sku: u8,
    /// The first day with it.
    pub from: Day,
    /// The first day without it again.
    pub until: Option<Day>,
}

impl Assignment {
    /// Whether it holds on `day`.
    pub fn holds(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|u| day < u)
    }
}

/// How a person takes to a product.
#[derive(Debug, Clone, Default)]
pub struct Habit {
    /// The day from which they use it; none if they never do.
    pub from: Option<Day>,
    /// Days on which they gave it up for a while.
    pub pause: Option<(Day, Day)>,
    /// Days on which they try it only because of a campaign.
    pub trial: Option<(Day, Day)>,
    /// The chance that they use it on a day at work.
    pub rate: f32,
}

/// How a person is employed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Employment {
    /// On the payroll.
    Employee,
    /// Hired for a while.
    Contractor,
    /// An intern.
    Intern,
    /// From another tenant.
    Guest,
}

impl Employment {
    /// `employeeType`.
    pub fn name(self) -> &'static str {
        match self {
            Employment::Employee => "Employee",
            Employment::Contractor => "Contractor",
            Employment::Intern => "Intern",
            Employment::Guest => "Guest",
        }
    }
}

/// An address and a name, as long as they hold.
#[derive(Debug, Clone)]
pub struct Identity {
    /// userPrincipalName.
    pub upn: String,
    /// displayName.
    pub display_name: String,
    /// Surname, for the directory.
    pub surname: &'static str,
}

/// A person, or a guest.
#[derive(Debug, Clone)]
pub struct Person {
    /// Entra object id.
    pub id: String,
    /// Given name.
    pub given: Name,
    /// Address and name at first.
    pub identity: Identity,
    /// Address and name from a day on.
    pub renamed: Option<(Day, Identity)>,
    /// Number on the payroll.
    pub employee_id: String,
    /// How they are employed.
    pub employment: Employment,
    /// The first day in the directory.
    pub joined: Day,
    /// The first day out of it.
    pub left: Option<Day>,
    /// Position in [`DEPARTMENTS`].
    pub department: u8,
    /// The department from a day on.
    pub moved: Option<(Day, u8)>,
    /// Position in [`COUNTRIES`].
    pub country: u8,
    /// Position among the country's cities.
    pub city: u8,
    /// Position among the department's titles.
    pub rank: u8,
    /// Whom they report to, while that person is there.
    pub manager: Option<u32>,
    /// Licences, in the order in which they were given.
    pub assignments: Vec<Assignment>,
    /// Habits, by product.
    pub habits: [Habit; Product::USED],
    /// How much they do, as a factor around 1.
    pub energy: f32,
    /// Bits of [`super::devices`]: what they work on.
    pub equipment: Equipment,
}

/// What a person works on.
#[derive(Debug, Clone, Copy)]
pub struct Equipment {
    /// The computer's system.
    pub computer: Computer,
    /// The phone's system.
    pub phone: Phone,
    /// How often they rather use the browser, in percent.
    pub web: u8,
    /// Position in [`super::devices::OUTLOOK_VERSIONS`].
    pub outlook: u8,
    /// Whether they sign in on a shared computer.
    pub shared: bool,
}

/// A computer's system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computer {
    /// Windows.
    Windows,
    /// macOS.
    Mac,
    /// Linux.
    Linux,
    /// Chrome OS.
    Chrome,
}

/// A phone's system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phone {
    /// iOS.
    Ios,
    /// Android.
    Android,
    /// None for work.
    None,
}

impl Person {
    /// Whether they are in the directory on `day`.
    pub fn present(&self, day: Day) -> bool {
        self.joined <= day && !self.deleted(day)
    }

    /// Whether they have left by `day`.
    pub fn deleted(&self, day: Day) -> bool {
        self.left.is_some_and(|l| l <= day)
    }

    /// Whether reports of `day` show them: present, or deleted not long ago. Guests are not shown.
    pub fn listed(&self, day: Day) -> bool {
        !self.guest() && self.joined <= day && self.left.is_none_or(|l| day.since(l) < DELETED_SHOWN)
    }

    /// Whether they come from another tenant.
    pub fn guest(&self) -> bool {
        self.employment == Employment::Guest
    }

    /// Address and name on `day`.
    pub fn identity(&self, day: Day) -> &Identity {
        match &self.renamed {
            Some((from, identity)) if *from <= day => identity,
            _ => &self.identity,
        }
    }

    /// Position of the department on `day`.
    pub fn department(&self, day: Day) -> usize {
        usize::from(match self.moved {
            Some((from, department)) if from <= day => department,
            _ => self.department,
        })
    }

    /// The department's name on `day`.
    pub fn department_name(&self, day: Day) -> &'static str {
        DEPARTMENTS[self.department(day)].name
    }

    /// Their title on `day`.
    pub fn title(&self, day: Day) -> &'static str {
        let titles = DEPARTMENTS[self.department(day)].titles;
        titles[usize::from(self.rank).min(titles.len() - 1)]
    }

    /// Their country.
    pub fn country(&self) -> &'static Country {
        &COUNTRIES[usize::from(self.country)]
    }

    /// City, state and office.
    pub fn place(&self) -> (&'static str, &'static str, &'static str) {
        self.country().cities[usize::from(self.city)]
    }

    /// Whether they work where OneDrive is not used.
    pub fn quiet(&self) -> bool {
        usize::from(self.country) == QUIET_COUNTRY
    }

    /// The licences of `day`.
    pub fn licences(&self, day: Day) -> impl Iterator<Item = &Assignment> {
        self.assignments.iter().filter(move |a| a.holds(day))
    }

    /// Whether a licence of `day` brings the product.
    pub fn enabled(&self, product: Product, day: Day) -> bool {
        self.licences(day).any(|a| skus::sku(a.sku).brings.contains(&product))
    }

    /// Since when a licence of `day` brings the product: licences that follow one another without a gap count as one.
    pub fn enabled_since(&self, product: Product, day: Day) -> Option<Day> {
        let brings = |a: &&Assignment| skus::sku(a.sku).brings.contains(&product);
        let mut since = self.licences(day).filter(brings).map(|a| a.from).min()?;
        while let Some(before) =
            self.assignments.iter().filter(brings).find(|a| a.from < since && a.until.is_some_and(|u| u >= since))
        {
            since = before.from;
        }
        Some(since)
    }

    /// The names of the licences of `day`, as reports write them.
    pub fn products(&self, day: Day) -> String {
        self.licences(day).map(|a| skus::sku(a.sku).product_name).collect::<Vec<_>>().join("+")
    }

    /// Since when a licence of `day` lets them activate the product.
    pub fn may_activate(&self, activation: Activation, day: Day) -> Option<Day> {
        self.licences(day).filter(|a| skus::sku(a.sku).activates == Some(activation)).map(|a| a.from).min()
    }

    /// The habit of a product with days of activity.
    pub fn habit(&self, product: Product) -> Option<&Habit> {
        self.habits.get(product.index())
    }

    /// Whether they count as licensed for Teams, which the reports tell apart.
    pub fn licensed(&self, product: Product, day: Day) -> bool {
        !self.guest() && self.enabled(product, day)
    }
}
