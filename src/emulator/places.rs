//! Where the tenant's people work: countries with their cities and holidays, departments, job titles.
//!
//! Only data. The weights say how many of a hundred people work where.

/// A country with the company that employs its people.
pub struct Country {
    /// Its name in the directory.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2, `usageLocation`.
    pub code: &'static str,
    /// The legal entity, `companyName`.
    pub company: &'static str,
    /// How many of a hundred people work here.
    pub weight: u32,
    /// City, state or province, office.
    pub cities: &'static [(&'static str, &'static str, &'static str)],
    /// Month and day on which nearly nobody works, beside new year and Christmas.
    pub holidays: &'static [(u32, u32)],
}

/// The country where OneDrive is paid for and not used: files are mailed instead.
pub const QUIET_COUNTRY: usize = 4;

/// All countries.
pub const COUNTRIES: &[Country] = &[
    Country {
        name: "United States",
        code: "US",
        company: "Contoso Inc.",
        weight: 30,
        cities: &[
            ("Seattle", "WA", "SEA-1"),
            ("Austin", "TX", "AUS-2"),
            ("New York", "NY", "NYC-1"),
            ("Raleigh", "NC", "RDU-1"),
        ],
        holidays: &[(5, 25), (7, 4), (9, 7), (11, 26), (11, 27)],
    },
    Country {
        name: "Germany",
        code: "DE",
        company: "Contoso Deutschland GmbH",
        weight: 18,
        cities: &[
            ("München", "Bayern", "MUC-1"),
            ("Köln", "Nordrhein-Westfalen", "CGN-1"),
            ("Berlin", "Berlin", "BER-3"),
        ],
        holidays: &[(5, 1), (5, 14), (5, 25), (10, 3)],
    },
    Country {
        name: "United Kingdom",
        code: "GB",
        company: "Contoso UK Ltd.",
        weight: 12,
        cities: &[
            ("London", "England", "LON-2"),
            ("Manchester", "England", "MAN-1"),
            ("Edinburgh", "Scotland", "EDI-1"),
        ],
        holidays: &[(4, 3), (4, 6), (5, 4), (5, 25), (8, 31)],
    },
    Country {
        name: "France",
        code: "FR",
        company: "Contoso France SAS",
        weight: 11,
        cities: &[("Paris", "Île-de-France", "PAR-1"), ("Lyon", "Auvergne-Rhône-Alpes", "LYS-1")],
        holidays: &[(5, 1), (5, 8), (7, 14), (8, 15), (11, 11)],
    },
    Country {
        name: "Spain",
        code: "ES",
        company: "Contoso Ibérica, S.L.",
        weight: 12,
        cities: &[
            ("Madrid", "Comunidad de Madrid", "MAD-1"),
            ("A Coruña", "Galicia", "LCG-1"),
            ("Málaga", "Andalucía", "AGP-1"),
        ],
        holidays: &[(1, 6), (5, 1), (8, 15), (10, 12), (12, 8)],
    },
    Country {
        name: "Poland",
        code: "PL",
        company: "Contoso Polska Sp. z o.o.",
        weight: 7,
        cities: &[("Kraków", "Małopolskie", "KRK-1"), ("Łódź", "Łódzkie", "LCJ-1")],
        holidays: &[(1, 6), (5, 1), (5, 3), (8, 15), (11, 11)],
    },
    Country {
        name: "Brazil",
        code: "BR",
        company: "Contoso do Brasil Ltda.",
        weight: 6,
        cities: &[("São Paulo", "São Paulo", "GRU-1"), ("Florianópolis", "Santa Catarina", "FLN-1")],
        holidays: &[(4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15)],
    },
    Country {
        name: "Japan",
        code: "JP",
        company: "コントソ株式会社",
        weight: 4,
        cities: &[("東京", "東京都", "TYO-1"), ("大阪", "大阪府", "OSA-1")],
        holidays: &[(1, 2), (1, 3), (4, 29), (5, 4), (5, 5), (8, 11), (11, 3)],
    },
];

/// A department with its titles, from assistant to head.
pub struct Department {
    /// Its name in the directory.
    pub name: &'static str,
    /// How many of a hundred people work in it.
    pub weight: u32,
    /// Titles, the head's last.
    pub titles: &'static [&'static str],
    /// Whether its people work in shifts, weekends included.
    pub shifts: bool,
    /// How much its people write and meet, as a factor.
    pub pace: f32,
    /// How many of a hundred have the frontline licence.
    pub frontline: u32,
}

/// The department whose OneDrive campaign worked.
pub const WON_DEPARTMENT: usize = 3;
/// The department whose SharePoint campaign changed nothing.
pub const LOST_DEPARTMENT: usize = 4;

/// All departments.
pub const DEPARTMENTS: &[Department] = &[
    Department {
        name: "Sales",
        weight: 18,
        titles: &["Account Manager", "Sales Representative", "Presales Consultant", "Head of Sales"],
        shifts: false,
        pace: 1.3,
        frontline: 0,
    },
    Department {
        name: "Engineering",
        weight: 20,
        titles: &["Software Engineer", "Senior Software Engineer", "Test Engineer", "Head of Engineering"],
        shifts: false,
        pace: 1.0,
        frontline: 0,
    },
    Department {
        name: "Manufacturing",
        weight: 16,
        titles: &["Line Operator", "Shift Lead", "Quality Inspector", "Head of Manufacturing"],
        shifts: true,
        pace: 0.5,
        frontline: 75,
    },
    Department {
        name: "Finance",
        weight: 12,
        titles: &["Accountant", "Financial Analyst", "Controller", "Chief Financial Officer"],
        shifts: false,
        pace: 1.1,
        frontline: 0,
    },
    Department {
        name: "Operations",
        weight: 13,
        titles: &["Operations Specialist", "Logistics Planner", "Buyer", "Head of Operations"],
        shifts: false,
        pace: 0.9,
        frontline: 20,
    },
    Department {
        name: "Marketing",
        weight: 8,
        titles: &["Marketing Specialist", "Content Designer", "Campaign Manager", "Head of Marketing"],
        shifts: false,
        pace: 1.2,
        frontline: 0,
    },
    Department {
        name: "Human Resources",
        weight: 5,
        titles: &["HR Specialist", "Recruiter", "HR Business Partner", "Head of People"],
        shifts: false,
        pace: 1.1,
        frontline: 0,
    },
    Department {
        name: "Legal, Risk & Compliance",
        weight: 4,
        titles: &["Counsel", "Paralegal", "Compliance Officer", "General Counsel"],
        shifts: false,
        pace: 1.2,
        frontline: 0,
    },
    Department {
        name: "IT",
        weight: 4,
        titles: &["Service Desk Agent", "Systems Administrator", "Security Analyst", "Chief Information Officer"],
        shifts: false,
        pace: 1.1,
        frontline: 0,
    },
];
