//! Azure's own words in FOCUS's: services by their meter category, regions by any of their names.
//!
//! Facts of the usual services and regions, from Microsoft's public documentation. What is not here keeps the
//! file's words, and the import says so.

/// A service's place in FOCUS: category and subcategory.
pub type Place = (&'static str, &'static str);

const AI: &str = "AI and Machine Learning";
const ANALYTICS: &str = "Analytics";
const BUSINESS: &str = "Business Applications";
const COMPUTE: &str = "Compute";
const DATABASES: &str = "Databases";
const DEVELOPER: &str = "Developer Tools";
const IDENTITY: &str = "Identity";
const INTEGRATION: &str = "Integration";
const IOT: &str = "Internet of Things";
const MANAGEMENT: &str = "Management and Governance";
const MEDIA: &str = "Media";
const MIGRATION: &str = "Migration";
const NETWORKING: &str = "Networking";
const SECURITY: &str = "Security";
const STORAGE: &str = "Storage";
const WEB: &str = "Web";

/// By `MeterCategory`, lower case.
const SERVICES: &[(&str, Place)] = &[
    ("advanced data security", (SECURITY, "Threat Detection and Response")),
    ("advanced threat protection", (SECURITY, "Threat Detection and Response")),
    ("api management", (INTEGRATION, "API Management")),
    ("app configuration", (DEVELOPER, "Developer Platforms")),
    ("app service", (WEB, "Application Platforms")),
    ("application gateway", (NETWORKING, "Application Networking")),
    ("application insights", (MANAGEMENT, "Observability")),
    ("automation", (MANAGEMENT, "Other (Management and Governance)")),
    ("azure analysis services", (ANALYTICS, "Business Intelligence")),
    ("azure api for fhir", (DATABASES, "Other (Databases)")),
    ("azure app configuration", (DEVELOPER, "Developer Platforms")),
    ("azure app service", (WEB, "Application Platforms")),
    ("azure arc enabled databases", (DATABASES, "Relational Databases")),
    ("azure bastion", (NETWORKING, "Network Security")),
    ("azure bot service", (AI, "Bots")),
    ("azure cognitive search", (AI, "AI Platforms")),
    ("azure ai search", (AI, "AI Platforms")),
    ("azure container apps", (COMPUTE, "Containers")),
    ("azure cosmos db", (DATABASES, "NoSQL Databases")),
    ("azure cosmos db for postgresql", (DATABASES, "Relational Databases")),
    ("azure data explorer", (ANALYTICS, "Analytics Platforms")),
    ("azure data factory", (ANALYTICS, "Data Processing")),
    ("azure data factory v2", (ANALYTICS, "Data Processing")),
    ("azure database for mariadb", (DATABASES, "Relational Databases")),
    ("azure database for mysql", (DATABASES, "Relational Databases")),
    ("azure database for postgresql", (DATABASES, "Relational Databases")),
    ("azure database migration service", (MIGRATION, "Data Migration")),
    ("azure databricks", (ANALYTICS, "Analytics Platforms")),
    ("azure ddos protection", (NETWORKING, "Network Security")),
    ("azure devops", (DEVELOPER, "Developer Platforms")),
    ("azure digital twins", (IOT, "IoT Platforms")),
    ("azure dns", (NETWORKING, "Network Infrastructure")),
    ("azure firewall", (NETWORKING, "Network Security")),
    ("azure firewall manager", (NETWORKING, "Network Security")),
    ("azure front door", (NETWORKING, "Content Delivery")),
    ("azure front door service", (NETWORKING, "Content Delivery")),
    ("azure functions", (COMPUTE, "Serverless Compute")),
    ("azure grafana service", (MANAGEMENT, "Observability")),
    ("azure kubernetes service", (COMPUTE, "Containers")),
    ("azure lab services", (COMPUTE, "End User Computing")),
    ("azure load testing", (DEVELOPER, "Quality Assurance")),
    ("azure machine learning", (AI, "Machine Learning")),
    ("azure maps", (WEB, "Other (Web)")),
    ("azure monitor", (MANAGEMENT, "Observability")),
    ("azure netapp files", (STORAGE, "File Storage")),
    ("azure openai", (AI, "Generative AI")),
    ("azure openai service", (AI, "Generative AI")),
    ("azure purview", (MANAGEMENT, "Data Governance")),
    ("azure quantum", (COMPUTE, "Quantum Compute")),
    ("azure red hat openshift", (COMPUTE, "Containers")),
    ("azure site recovery", (MANAGEMENT, "Disaster Recovery")),
    ("azure spring cloud", (COMPUTE, "Other (Compute)")),
    ("azure spring apps", (COMPUTE, "Other (Compute)")),
    ("azure stream analytics", (ANALYTICS, "Streaming Analytics")),
    ("azure synapse analytics", (ANALYTICS, "Analytics Platforms")),
    ("azure virtual desktop", (COMPUTE, "End User Computing")),
    ("azure vmware solution", (COMPUTE, "Virtual Machines")),
    ("backup", (STORAGE, "Backup Storage")),
    ("bandwidth", (NETWORKING, "Network Connectivity")),
    ("batch", (COMPUTE, "Other (Compute)")),
    ("cloud services", (COMPUTE, "Virtual Machines")),
    ("cognitive services", (AI, "AI Platforms")),
    ("container instances", (COMPUTE, "Containers")),
    ("container registry", (COMPUTE, "Containers")),
    ("content delivery network", (NETWORKING, "Content Delivery")),
    ("data box", (MIGRATION, "Data Migration")),
    ("data lake analytics", (ANALYTICS, "Data Processing")),
    ("data lake store", (STORAGE, "Object Storage")),
    ("digital twins", (IOT, "IoT Platforms")),
    ("event grid", (INTEGRATION, "Messaging")),
    ("event hubs", (INTEGRATION, "Messaging")),
    ("expressroute", (NETWORKING, "Network Connectivity")),
    ("foundry models", (AI, "Generative AI")),
    ("foundry tools", (AI, "AI Platforms")),
    ("functions", (COMPUTE, "Serverless Compute")),
    ("hdinsight", (ANALYTICS, "Data Processing")),
    ("insight and analytics", (MANAGEMENT, "Observability")),
    ("iot central", (IOT, "IoT Platforms")),
    ("iot hub", (IOT, "IoT Platforms")),
    ("key vault", (SECURITY, "Secret Management")),
    ("load balancer", (NETWORKING, "Application Networking")),
    ("log analytics", (MANAGEMENT, "Observability")),
    ("logic apps", (INTEGRATION, "Workflow Orchestration")),
    ("machine learning", (AI, "Machine Learning")),
    ("machine learning studio", (AI, "Machine Learning")),
    ("media services", (MEDIA, "Media Streaming")),
    ("microsoft copilot studio", (AI, "Bots")),
    ("microsoft defender for cloud", (SECURITY, "Threat Detection and Response")),
    ("microsoft defender for endpoint", (SECURITY, "Threat Detection and Response")),
    ("microsoft entra domain services", (IDENTITY, "Identity and Access Management")),
    ("microsoft entra id", (IDENTITY, "Identity and Access Management")),
    ("azure active directory", (IDENTITY, "Identity and Access Management")),
    ("azure active directory b2c", (IDENTITY, "Identity and Access Management")),
    ("azure active directory domain services", (IDENTITY, "Identity and Access Management")),
    ("microsoft fabric", (ANALYTICS, "Analytics Platforms")),
    ("nat gateway", (NETWORKING, "Network Infrastructure")),
    ("network watcher", (NETWORKING, "Other (Networking)")),
    ("notification hubs", (INTEGRATION, "Messaging")),
    ("office 365", (BUSINESS, "Productivity and Collaboration")),
    ("power bi", (ANALYTICS, "Business Intelligence")),
    ("power bi embedded", (ANALYTICS, "Business Intelligence")),
    ("redis cache", (DATABASES, "Caching")),
    ("azure managed redis", (DATABASES, "Caching")),
    ("security center", (SECURITY, "Threat Detection and Response")),
    ("sentinel", (SECURITY, "Threat Detection and Response")),
    ("microsoft sentinel", (SECURITY, "Threat Detection and Response")),
    ("service bus", (INTEGRATION, "Messaging")),
    ("service fabric mesh", (COMPUTE, "Containers")),
    ("signalr", (WEB, "Other (Web)")),
    ("specialized compute", (COMPUTE, "Other (Compute)")),
    ("sql data warehouse", (DATABASES, "Data Warehouses")),
    ("sql database", (DATABASES, "Relational Databases")),
    ("sql managed instance", (DATABASES, "Relational Databases")),
    ("sql server stretch database", (DATABASES, "Relational Databases")),
    ("storage", (STORAGE, "Storage Platforms")),
    ("storsimple", (STORAGE, "Storage Platforms")),
    ("synapse analytics", (ANALYTICS, "Analytics Platforms")),
    ("traffic manager", (NETWORKING, "Network Routing")),
    ("virtual machine licenses", (COMPUTE, "Virtual Machines")),
    ("virtual machines", (COMPUTE, "Virtual Machines")),
    ("virtual machines licenses", (COMPUTE, "Virtual Machines")),
    ("virtual network", (NETWORKING, "Network Infrastructure")),
    ("virtual wan", (NETWORKING, "Network Connectivity")),
    ("visual studio", (DEVELOPER, "Development Environments")),
    ("visual studio subscription", (DEVELOPER, "Development Environments")),
    ("vpn gateway", (NETWORKING, "Network Connectivity")),
    ("windows virtual desktop", (COMPUTE, "End User Computing")),
];

/// By `ServiceFamily`, lower case: coarser, for meter categories that are not in the table.
const FAMILIES: &[(&str, Place)] = &[
    ("ai + machine learning", (AI, "Other (AI and Machine Learning)")),
    ("analytics", (ANALYTICS, "Other (Analytics)")),
    ("compute", (COMPUTE, "Other (Compute)")),
    ("containers", (COMPUTE, "Containers")),
    ("databases", (DATABASES, "Other (Databases)")),
    ("developer tools", (DEVELOPER, "Other (Developer Tools)")),
    ("integration", (INTEGRATION, "Other (Integration)")),
    ("internet of things", (IOT, "Other (Internet of Things)")),
    ("management and governance", (MANAGEMENT, "Other (Management and Governance)")),
    ("media", (MEDIA, "Other (Media)")),
    ("networking", (NETWORKING, "Other (Networking)")),
    ("security", (SECURITY, "Other (Security)")),
    ("storage", (STORAGE, "Other (Storage)")),
    ("web", (WEB, "Other (Web)")),
    ("windows virtual desktop", (COMPUTE, "End User Computing")),
];

/// A service in FOCUS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Another name than the meter category's, where one category sells several services.
    pub name: Option<&'static str>,
    /// Category and subcategory.
    pub place: Place,
    /// The meter category was in the table.
    pub known: bool,
}

/// The service of a meter.
pub fn service(category: &str, subcategory: &str, family: &str) -> Service {
    let (category, subcategory) = (category.to_lowercase(), subcategory.to_lowercase());
    if ["cognitive services", "foundry models"].contains(&category.as_str()) && subcategory.contains("openai")
    {
        return Service { name: Some("Azure OpenAI"), place: (AI, "Generative AI"), known: true };
    }
    if category == "storage" {
        let kind = [
            ("disk", "Block Storage"),
            ("blob", "Object Storage"),
            ("data lake", "Object Storage"),
            ("files", "File Storage"),
        ];
        if let Some((_, kind)) = kind.into_iter().find(|(word, _)| subcategory.contains(word)) {
            return Service { name: None, place: (STORAGE, kind), known: true };
        }
    }
    if let Some((_, place)) = SERVICES.iter().find(|(known, _)| *known == category) {
        return Service { name: None, place: *place, known: true };
    }
    let family = family.to_lowercase();
    let place = FAMILIES.iter().find(|(known, _)| *known == family).map(|(_, place)| *place);
    Service { name: None, place: place.unwrap_or(("Other", "Other (Other)")), known: false }
}

/// Id, name, and other spellings that bills use (lower case, without spaces): meters say `US East`, resources
/// `eastus`.
const REGIONS: &[(&str, &str, &[&str])] = &[
    ("australiacentral", "Australia Central", &["aucentral"]),
    ("australiacentral2", "Australia Central 2", &["aucentral2"]),
    ("australiaeast", "Australia East", &["aueast"]),
    ("australiasoutheast", "Australia Southeast", &["ausoutheast"]),
    ("austriaeast", "Austria East", &["ateast"]),
    ("belgiumcentral", "Belgium Central", &["becentral"]),
    ("brazilsouth", "Brazil South", &["brsouth"]),
    ("brazilsoutheast", "Brazil Southeast", &["brsoutheast"]),
    ("canadacentral", "Canada Central", &["cacentral"]),
    ("canadaeast", "Canada East", &["caeast"]),
    ("centralindia", "Central India", &["incentral"]),
    ("centralus", "Central US", &["uscentral"]),
    ("chilecentral", "Chile Central", &["clcentral"]),
    ("denmarkeast", "Denmark East", &["dkeast"]),
    ("eastasia", "East Asia", &["apeast"]),
    ("eastus", "East US", &["useast"]),
    ("eastus2", "East US 2", &["useast2"]),
    ("francecentral", "France Central", &["frcentral"]),
    ("francesouth", "France South", &["frsouth"]),
    ("germanynorth", "Germany North", &["denorth"]),
    ("germanywestcentral", "Germany West Central", &["dewestcentral"]),
    ("indonesiacentral", "Indonesia Central", &["idcentral"]),
    ("israelcentral", "Israel Central", &["ilcentral"]),
    ("italynorth", "Italy North", &["itnorth"]),
    ("japaneast", "Japan East", &["jpeast", "jaeast"]),
    ("japanwest", "Japan West", &["jpwest", "jawest"]),
    ("jioindiacentral", "Jio India Central", &["injiocentral"]),
    ("jioindiawest", "Jio India West", &["injiowest"]),
    ("koreacentral", "Korea Central", &["krcentral"]),
    ("koreasouth", "Korea South", &["krsouth"]),
    ("malaysiawest", "Malaysia West", &["mywest"]),
    ("mexicocentral", "Mexico Central", &["mxcentral"]),
    ("newzealandnorth", "New Zealand North", &["nznorth"]),
    ("northcentralus", "North Central US", &["usnorthcentral"]),
    ("northeurope", "North Europe", &["eunorth"]),
    ("norwayeast", "Norway East", &["noeast"]),
    ("norwaywest", "Norway West", &["nowest"]),
    ("polandcentral", "Poland Central", &["plcentral"]),
    ("qatarcentral", "Qatar Central", &["qacentral"]),
    ("southafricanorth", "South Africa North", &["zanorth"]),
    ("southafricawest", "South Africa West", &["zawest"]),
    ("southcentralus", "South Central US", &["ussouthcentral"]),
    ("southeastasia", "Southeast Asia", &["apsoutheast", "asiasoutheast"]),
    ("southindia", "South India", &["insouth"]),
    ("spaincentral", "Spain Central", &["escentral"]),
    ("swedencentral", "Sweden Central", &["secentral"]),
    ("swedensouth", "Sweden South", &["sesouth"]),
    ("switzerlandnorth", "Switzerland North", &["chnorth"]),
    ("switzerlandwest", "Switzerland West", &["chwest"]),
    ("uaecentral", "UAE Central", &["aecentral"]),
    ("uaenorth", "UAE North", &["aenorth"]),
    ("uksouth", "UK South", &["gbsouth"]),
    ("ukwest", "UK West", &["gbwest"]),
    ("westcentralus", "West Central US", &["uswestcentral"]),
    ("westeurope", "West Europe", &["euwest"]),
    ("westindia", "West India", &["inwest"]),
    ("westus", "West US", &["uswest"]),
    ("westus2", "West US 2", &["uswest2"]),
    ("westus3", "West US 3", &["uswest3"]),
    ("global", "Global", &[]),
];

/// A region's id and name, from any of its spellings; `None` when the table does not have it.
pub fn region(text: &str) -> Option<(&'static str, &'static str)> {
    let key = squeezed(text);
    let found = REGIONS.iter().find(|(id, _, others)| *id == key || others.contains(&key.as_str()))?;
    Some((found.0, found.1))
}

/// Lower case without spaces: how Azure makes ids of region names.
pub fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_region_is_found_by_any_of_its_spellings() {
        for text in ["East US 2", "eastus2", "EastUS2", "US East 2"] {
            assert_eq!(region(text), Some(("eastus2", "East US 2")), "{text}");
        }
        assert_eq!(region("moonbase"), None);
        let mut keys = HashSet::new();
        for (id, name, others) in REGIONS {
            assert!(*id == squeezed(name) && keys.insert(*id), "{id}");
            assert!(others.iter().all(|other| keys.insert(*other)), "{id}");
        }
    }

    #[test]
    fn every_service_stands_once_and_lower_case() {
        let mut keys = HashSet::new();
        for (key, _) in SERVICES.iter().chain(FAMILIES) {
            assert_eq!(*key, key.to_lowercase());
        }
        assert!(SERVICES.iter().all(|(key, _)| keys.insert(*key)));
    }

    #[test]
    fn a_meter_category_may_sell_several_services() {
        let openai = service("Cognitive Services", "Azure OpenAI", "AI + Machine Learning");
        assert_eq!((openai.name, openai.place), (Some("Azure OpenAI"), (AI, "Generative AI")));
        assert_eq!(service("Storage", "Premium SSD Managed Disks", "").place, (STORAGE, "Block Storage"));
        // Families are too coarse to win over the category: one real export says Compute of everything.
        assert_eq!(service("Bandwidth", "", "Compute").place.0, NETWORKING);
        let unknown = service("Time Travel", "", "Web");
        assert_eq!((unknown.place.0, unknown.known), (WEB, false));
        assert_eq!(service("Time Travel", "", "").place, ("Other", "Other (Other)"));
    }
}
