//! What the tenant buys: products as Microsoft sells them, with the plans inside and the products they bring.
//!
//! Identifiers and names are Microsoft's published ones. Only data and look-ups.

use super::product::Product;

/// One service plan inside a SKU.
pub struct Plan {
    /// `servicePlanId`.
    pub id: &'static str,
    /// `servicePlanName`.
    pub name: &'static str,
    /// The `service` that /users names for it.
    pub service: &'static str,
}

/// Something that is bought by the seat.
pub struct Sku {
    /// `skuId`.
    pub id: &'static str,
    /// `skuPartNumber`.
    pub part_number: &'static str,
    /// Its name in the reports' Assigned Products.
    pub product_name: &'static str,
    /// Its plans.
    pub plans: &'static [&'static Plan],
    /// The products it lets a person use.
    pub brings: &'static [Product],
    /// The Office product that it lets a person activate.
    pub activates: Option<Activation>,
    /// Mailbox quota in gibibytes.
    pub mailbox_gib: u64,
    /// OneDrive quota in gibibytes.
    pub drive_gib: u64,
    /// Seats bought beyond those needed at the end, in percent.
    pub spare: u32,
    /// Whether it costs nothing, and is bought by the ten thousand.
    pub free: bool,
}

/// A desktop product that is activated on devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Activation {
    /// The Office apps.
    Office,
    /// Microsoft Project.
    Project,
}

impl Activation {
    /// Both.
    pub const ALL: [Activation; 2] = [Activation::Office, Activation::Project];

    /// Its name in Product Type.
    pub fn product_type(self) -> &'static str {
        match self {
            Activation::Office => "MICROSOFT 365 APPS FOR ENTERPRISE",
            Activation::Project => "PROJECT ONLINE DESKTOP CLIENT",
        }
    }
}

const fn plan(id: &'static str, name: &'static str, service: &'static str) -> Plan {
    Plan { id, name, service }
}

static EXCHANGE_2: Plan = plan("efb87545-963c-4e0d-99df-69c6916d9eb0", "EXCHANGE_S_ENTERPRISE", "exchange");
static EXCHANGE_1: Plan = plan("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "EXCHANGE_S_STANDARD", "exchange");
static EXCHANGE_K: Plan = plan("4a82b400-a79f-41a4-b4e2-e94f5787b113", "EXCHANGE_S_DESKLESS", "exchange");
static EXCHANGE_F: Plan = plan("113feb6c-3fe4-4440-bddc-54d774bf0318", "EXCHANGE_S_FOUNDATION", "exchange");
static SHAREPOINT_2: Plan = plan("5dbe027f-2339-4123-9542-606e4d348a72", "SHAREPOINTENTERPRISE", "SharePoint");
static SHAREPOINT_1: Plan = plan("c7699d2e-19aa-44de-8edf-1736da088ca1", "SHAREPOINTSTANDARD", "SharePoint");
static SHAREPOINT_K: Plan = plan("902b47e5-dcb2-4fdc-858b-c63a90a2bdb9", "SHAREPOINTDESKLESS", "SharePoint");
static OFFICE_WEB: Plan = plan("e95bec33-7c88-4a70-8e19-b10bd9d0c014", "SHAREPOINTWAC", "SharePoint");
static TEAMS: Plan = plan("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1", "TeamspaceAPI");
static YAMMER: Plan = plan("7547a3fe-08ee-4ccb-b430-5077c5041653", "YAMMER_ENTERPRISE", "YammerEnterprise");
static SKYPE_2: Plan = plan("0feaeb32-d00e-4d66-bd5a-43b5b83db82c", "MCOSTANDARD", "MicrosoftCommunicationsOnline");
static SKYPE_1: Plan = plan("afc06cb0-b4f4-4473-8286-d644f70d8faf", "MCOIMP", "MicrosoftCommunicationsOnline");
static OFFICE: Plan = plan("43de0ff5-c92c-492b-9116-175376d08c38", "OFFICESUBSCRIPTION", "MicrosoftOffice");
static OFFICE_MOBILE: Plan =
    plan("c63d4d19-e8cb-460e-b37c-4d6c34603745", "OFFICEMOBILE_SUBSCRIPTION", "MicrosoftOffice");
static FORMS_5: Plan = plan("e212cbc7-0961-4c40-9825-01117710dcb1", "FORMS_PLAN_E5", "OfficeForms");
static FORMS_3: Plan = plan("2789c901-c14e-48ab-a76a-be334d9d793a", "FORMS_PLAN_E3", "OfficeForms");
static FORMS_1: Plan = plan("159f4cd6-e380-449f-a816-af1a9ef76344", "FORMS_PLAN_E1", "OfficeForms");
static FORMS_K: Plan = plan("f07046bd-2a3c-4b96-b0be-dea79d7cbfb8", "FORMS_PLAN_K", "OfficeForms");
static POWER_BI: Plan = plan("70d33638-9c74-4d01-bfd3-562de28bd4ba", "BI_AZURE_P2", "PowerBI");
static POWER_BI_FREE: Plan = plan("2049e525-b859-401b-b2a0-e0a31c4b1fe4", "BI_AZURE_P0", "PowerBI");
static COPILOT_APPS: Plan = plan("a62f8878-de10-42f3-b68f-6149a25ceb97", "M365_COPILOT_APPS", "MicrosoftOffice");
static COPILOT_TEAMS: Plan = plan("b95945de-b3bd-46db-8437-f2beb6ea2347", "M365_COPILOT_TEAMS", "TeamspaceAPI");
static COPILOT_CHAT: Plan = plan("3f30311c-6b1e-48a4-ab79-725b469da960", "M365_COPILOT_BUSINESS_CHAT", "Bing");
static PROJECT: Plan = plan("fafd7243-e5c1-4a3a-9e40-495efcb1d3c3", "PROJECT_CLIENT_SUBSCRIPTION", "MicrosoftOffice");
static FLOW_FREE: Plan = plan("50e68c76-46c6-4674-81f9-75456511b170", "FLOW_P2_VIRAL", "ProcessSimple");

const SUITE: &[Product] = &[
    Product::Exchange,
    Product::OneDrive,
    Product::SharePoint,
    Product::Teams,
    Product::Yammer,
    Product::Forms,
    Product::Browser,
    Product::Apps,
    Product::Skype,
];

/// Positions in [`SKUS`].
pub const E5: u8 = 0;
/// Microsoft 365 E3.
pub const E3: u8 = 1;
/// Microsoft 365 F3.
pub const F3: u8 = 2;
/// Office 365 E1.
pub const E1: u8 = 3;
/// Microsoft 365 Copilot.
pub const COPILOT: u8 = 4;
/// Power BI Pro.
pub const POWER_BI_PRO: u8 = 5;
/// Project Plan 3.
pub const PROJECT_3: u8 = 6;
/// Power BI (free).
pub const POWER_BI_STANDARD: u8 = 7;
/// Power Automate Free.
pub const AUTOMATE_FREE: u8 = 8;

/// Everything the tenant buys.
pub static SKUS: &[Sku] = &[
    Sku {
        id: "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
        part_number: "SPE_E5",
        product_name: "MICROSOFT 365 E5",
        plans: &[&EXCHANGE_2, &SHAREPOINT_2, &OFFICE_WEB, &TEAMS, &YAMMER, &SKYPE_2, &OFFICE, &FORMS_5, &POWER_BI],
        brings: SUITE,
        activates: Some(Activation::Office),
        mailbox_gib: 100,
        drive_gib: 5120,
        spare: 22,
        free: false,
    },
    Sku {
        id: "05e9a617-0261-4cee-bb44-138d3ef5d965",
        part_number: "SPE_E3",
        product_name: "MICROSOFT 365 E3",
        plans: &[&EXCHANGE_2, &SHAREPOINT_2, &OFFICE_WEB, &TEAMS, &YAMMER, &SKYPE_2, &OFFICE, &FORMS_3],
        brings: SUITE,
        activates: Some(Activation::Office),
        mailbox_gib: 100,
        drive_gib: 1024,
        spare: 4,
        free: false,
    },
    Sku {
        id: "66b55226-6b4f-492c-910c-a3b7a3c9d993",
        part_number: "SPE_F1",
        product_name: "MICROSOFT 365 F3",
        plans: &[&EXCHANGE_K, &SHAREPOINT_K, &OFFICE_WEB, &TEAMS, &YAMMER, &SKYPE_1, &OFFICE_MOBILE, &FORMS_K],
        brings: SUITE,
        activates: None,
        mailbox_gib: 2,
        drive_gib: 2,
        spare: 9,
        free: false,
    },
    Sku {
        id: "18181a46-0d4e-45cd-891e-60aabd171b4e",
        part_number: "STANDARDPACK",
        product_name: "OFFICE 365 E1",
        plans: &[&EXCHANGE_1, &SHAREPOINT_1, &OFFICE_WEB, &TEAMS, &YAMMER, &SKYPE_2, &FORMS_1],
        brings: SUITE,
        activates: None,
        mailbox_gib: 50,
        drive_gib: 1024,
        spare: 15,
        free: false,
    },
    Sku {
        id: "639dec6b-bb19-468b-871c-c5c441c4b0cb",
        part_number: "Microsoft_365_Copilot",
        product_name: "MICROSOFT 365 COPILOT",
        plans: &[&COPILOT_APPS, &COPILOT_TEAMS, &COPILOT_CHAT],
        brings: &[Product::Copilot],
        activates: None,
        mailbox_gib: 0,
        drive_gib: 0,
        spare: 35,
        free: false,
    },
    Sku {
        id: "f8a1db68-be16-40ed-86d5-cb42ce701560",
        part_number: "POWER_BI_PRO",
        product_name: "POWER BI PRO",
        plans: &[&POWER_BI, &EXCHANGE_F],
        brings: &[],
        activates: None,
        mailbox_gib: 0,
        drive_gib: 0,
        spare: 10,
        free: false,
    },
    Sku {
        id: "53818b1b-4a27-454b-8896-0dba576410e6",
        part_number: "PROJECTPROFESSIONAL",
        product_name: "PROJECT PLAN 3",
        plans: &[&PROJECT],
        brings: &[],
        activates: Some(Activation::Project),
        mailbox_gib: 0,
        drive_gib: 0,
        spare: 50,
        free: false,
    },
    Sku {
        id: "a403ebcc-fae0-4ca2-8c8c-7a907fd6c235",
        part_number: "POWER_BI_STANDARD",
        product_name: "POWER BI (FREE)",
        plans: &[&POWER_BI_FREE, &EXCHANGE_F],
        brings: &[],
        activates: None,
        mailbox_gib: 0,
        drive_gib: 0,
        spare: 0,
        free: true,
    },
    Sku {
        id: "f30db892-07e9-47e9-837c-80727f46fd3d",
        part_number: "FLOW_FREE",
        product_name: "MICROSOFT POWER AUTOMATE FREE",
        plans: &[&FLOW_FREE, &EXCHANGE_F],
        brings: &[],
        activates: None,
        mailbox_gib: 0,
        drive_gib: 0,
        spare: 0,
        free: true,
    },
];

/// The SKU at a position.
pub fn sku(position: u8) -> &'static Sku {
    &SKUS[usize::from(position)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_licence_has_a_name_in_the_file_of_the_demo() {
        let file = include_str!("../../pipelines/demo-product-names.csv");
        assert_eq!(file.lines().count(), SKUS.len() + 1);
        for sku in SKUS {
            let row: Vec<&str> = file.lines().find(|l| l.contains(sku.id)).unwrap().split(',').collect();
            assert_eq!(row[1..3], [sku.part_number, sku.id]);
            assert!(sku.plans.iter().any(|p| row[3..5] == [p.name, p.id]), "{row:?}");
            assert_ne!(row[0], sku.part_number);
        }
    }
}
