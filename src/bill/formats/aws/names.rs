//! What Amazon's names mean in FOCUS: services and their categories, regions, kinds of resources, instance types.
//!
//! Source of the categories: FOCUS 1.2, allowed values of the two category columns, given to each
//! service by its primary purpose. Knows no columns.

use std::borrow::Cow;
use std::collections::HashMap;

/// A category and subcategory of FOCUS.
pub(in crate::bill) type Category = (&'static str, &'static str);

const OTHER: Category = ("Other", "Other (Other)");
const GENERATIVE_AI: Category = ("AI and Machine Learning", "Generative AI");

/// Services by product code and name, both as [`key`] writes them.
#[rustfmt::skip]
const SERVICES: &[(Category, &[&str])] = &[
    (GENERATIVE_AI, &["bedrock", "bedrockservice", "bedrockagentcore", "q", "qbusiness", "qdeveloper", "codewhisperer"]),
    (("AI and Machine Learning", "Machine Learning"), &[
        "sagemaker", "machinelearning", "machinelearningsavingsplans", "savingsplansformachinelearning",
        "savingsplansformachinelearningusage", "elasticinference", "deeplens", "panorama", "forecast", "personalize",
        "rekognition", "textract", "frauddetector", "deepracer", "augmentedai", "lookoutforvision",
        "lookoutformetrics", "lookoutforequipment", "devopsguru", "neptuneml", "healthlake",
    ]),
    (("AI and Machine Learning", "Natural Language Processing"), &[
        "comprehend", "comprehendmedical", "polly", "transcribe", "translate", "kendra",
    ]),
    (("AI and Machine Learning", "Bots"), &["lex"]),
    (("Analytics", "Analytics Platforms"), &["athena", "lakeformation", "datazone", "cleanrooms", "finspace"]),
    (("Analytics", "Business Intelligence"), &["quicksight", "quicksuite"]),
    (("Analytics", "Data Processing"), &[
        "glue", "elasticmapreduce", "emr", "emrserverless", "datapipeline", "databrew", "entityresolution",
    ]),
    (("Analytics", "Search"), &["es", "elasticsearchservice", "opensearchservice", "opensearch", "cloudsearch"]),
    (("Analytics", "Streaming Analytics"), &[
        "kinesis", "kinesisanalytics", "managedserviceforapacheflink", "kinesisfirehose", "datafirehose", "msk",
        "managedstreamingforapachekafka", "kinesisvideo", "kinesisvideostreams",
    ]),
    (("Business Applications", "Productivity and Collaboration"), &[
        "workmail", "chime", "workdocs", "connect", "contactcentertelecommunications", "ses", "simpleemailservice",
        "pinpoint", "enduserumessaging", "wickr", "honeycode", "alexaforbusiness",
    ]),
    (("Compute", "Virtual Machines"), &[
        "ec2", "elasticcomputecloud", "elasticcomputecloudcompute", "ec2instances", "ec2other",
        "elasticcomputecloudother", "computesavingsplans", "savingsplansforcomputeusage", "lightsail", "outposts",
        "parallelcomputingservice", "batch", "evs", "elasticvmwareservice",
    ]),
    (("Compute", "Containers"), &[
        "ecs", "elasticcontainerservice", "elasticcontainerserviceforkubernetes", "eks", "elastickubernetesservice",
        "ecr", "ecrpublic", "ec2containerregistryecr", "elasticcontainerregistry", "elasticcontainerregistrypublic",
        "apprunner", "redhatopenshiftserviceon", "rosa", "fargate",
    ]),
    (("Compute", "Serverless Compute"), &["lambda"]),
    (("Compute", "End User Computing"), &["workspaces", "workspacesweb", "appstream", "workspacesthinclient"]),
    (("Compute", "Quantum Compute"), &["braket"]),
    (("Databases", "Relational Databases"), &[
        "rds", "relationaldatabaseservice", "aurora", "auroradsql", "databasesavingsplans",
        "savingsplansfordatabaseusage", "savingsplansfordatabases",
    ]),
    (("Databases", "NoSQL Databases"), &[
        "dynamodb", "docdb", "documentdbwithmongodbcompatibility", "neptune", "mcs", "keyspaces", "simpledb",
        "managedapachecassandraservice", "dax", "dynamodbacceleratordax", "keyspacesforapachecassandra",
    ]),
    (("Databases", "Caching"), &["elasticache", "memorydb"]),
    (("Databases", "Data Warehouses"), &["redshift"]),
    (("Databases", "Time Series Databases"), &["timestream"]),
    (("Databases", "Ledger Databases"), &["qldb", "quantumledgerdatabase"]),
    (("Developer Tools", "Continuous Integration and Deployment"), &["codebuild", "codepipeline", "codedeploy"]),
    (("Developer Tools", "Development Environments"), &["cloud9", "cloudshell", "codecatalyst"]),
    (("Developer Tools", "Source Code Management"), &["codecommit", "codeartifact"]),
    (("Developer Tools", "Quality Assurance"), &["devicefarm", "faultinjectionsimulator"]),
    (("Developer Tools", "Developer Platforms"), &["amplify", "codeguru", "xray"]),
    (("Identity", "Identity and Access Management"), &[
        "cognito", "directoryservice", "iam", "identityandaccessmanagement", "iamaccessanalyzer", "verifiedpermissions",
    ]),
    (("Integration", "Messaging"), &[
        "queueservice", "sqs", "simplequeueservice", "sns", "simplenotificationservice", "mq", "events", "eventbridge",
        "cloudwatchevents",
    ]),
    (("Integration", "API Management"), &["apigateway", "appsync"]),
    (("Integration", "Workflow Orchestration"), &[
        "states", "stepfunctions", "simpleworkflowservice", "mwaa", "managedworkflowsforapacheairflow", "appflow",
    ]),
    (("Internet of Things", "IoT Platforms"), &[
        "iot", "iotcore", "greengrass", "iotdevicemanagement", "iotdevicedefender", "iotevents", "iotsitewise",
        "iottwinmaker", "iotfleetwise",
    ]),
    (("Internet of Things", "IoT Analytics"), &["iotanalytics"]),
    (("Management and Governance", "Observability"), &[
        "cloudwatch", "cloudtrail", "prometheus", "managedserviceforprometheus", "grafana", "managedgrafana",
        "managedserviceforgrafana", "internetmonitor",
    ]),
    (("Management and Governance", "Cost Management"), &["costexplorer", "budgets", "billingconductor"]),
    (("Management and Governance", "Compliance"), &["config", "auditmanager", "artifact"]),
    (("Management and Governance", "Support"), &[
        "supportbusiness", "supportdeveloper", "supportenterprise", "developersupport", "premiumsupport", "support",
        "businesssupport", "enterprisesupport", "enterpriseonrampsupport",
    ]),
    (("Management and Governance", "Disaster Recovery"), &["elasticdisasterrecovery", "resiliencehub"]),
    (("Management and Governance", "Other (Management and Governance)"), &[
        "systemsmanager", "cloudformation", "servicecatalog", "opsworks", "organizations", "controltower",
        "appconfig", "telconetworkbuilder",
    ]),
    (("Media", "Media Streaming"), &[
        "elementalmediaconvert", "elementalmedialive", "elementalmediapackage", "elementalmediastore",
        "elementalmediatailor", "elementalmediaconnect", "interactivevideoservice", "ivs",
    ]),
    (("Media", "Content Creation"), &["elastictranscoder", "nimblestudio", "deadlinecloud"]),
    (("Media", "Gaming"), &["gamelift", "gameliftservers", "gameliftstreams"]),
    (("Migration", "Data Migration"), &[
        "databasemigrationsvc", "databasemigrationservice", "datasync", "snowball", "importexport", "transfer",
        "transferfamily", "importexportsnowball",
    ]),
    (("Migration", "Resource Migration"), &[
        "migrationhubrefactorspaces", "migrationhub", "applicationmigrationservice", "mainframemodernization",
    ]),
    (("Networking", "Content Delivery"), &["cloudfront", "globalaccelerator"]),
    (("Networking", "Network Connectivity"), &["directconnect", "vpn", "clientvpn", "cloudwan", "transitgateway"]),
    (("Networking", "Network Infrastructure"), &["vpc", "virtualprivatecloud", "datatransfer"]),
    (("Networking", "Network Routing"), &["route53", "elb", "elasticloadbalancing", "ec2elb", "registrar"]),
    (("Networking", "Application Networking"), &["appmesh", "cloudmap", "vpclattice", "privatelink"]),
    (("Networking", "Network Security"), &["networkfirewall", "networkfirewallservice"]),
    (("Security", "Secret Management"), &[
        "kms", "keymanagementservice", "secretsmanager", "cloudhsm", "certificatemanager", "acm",
        "privatecertificateauthority", "paymentcryptography",
    ]),
    (("Security", "Security Posture Management"), &["securityhub", "inspector", "macie", "inspectorv2"]),
    (("Security", "Threat Detection and Response"), &[
        "guardduty", "detective", "securitylake", "waf", "shield", "firewallmanager", "securityincidentresponse",
    ]),
    (("Storage", "Object Storage"), &["s3", "simplestorageservice", "glacier", "s3glacierdeeparchive", "s3glacier"]),
    (("Storage", "Block Storage"), &["ebs", "elasticblockstore"]),
    (("Storage", "File Storage"), &["efs", "elasticfilesystem", "fsx", "filecache"]),
    (("Storage", "Backup Storage"), &["backup"]),
    (("Storage", "Storage Platforms"), &["storagegateway"]),
];

/// A service's name without what Amazon's names differ in: case, spaces, who makes it.
fn key(name: &str) -> String {
    let key: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let key = key.strip_prefix("amazon").or_else(|| key.strip_prefix("aws")).unwrap_or(&key);
    // `Savings Plans for AWS Compute usage`, `Red Hat OpenShift Service on AWS`.
    key.replace("foraws", "for").trim_end_matches("aws").to_owned()
}

/// The categories of services, with the keys that name them.
pub(in crate::bill) fn service_keys() -> impl Iterator<Item = (Category, &'static [&'static str])> {
    SERVICES.iter().copied()
}

/// Finds the category of each service, and always the same for the same name, as FOCUS demands.
#[derive(Debug, Default)]
pub(super) struct Services {
    known: HashMap<String, Category>,
}

impl Services {
    /// The category of a service; "Other" for one that is not in the table.
    pub fn category(&mut self, name: &str, code: &str) -> Category {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let by = |text: &str| {
            let key = key(text);
            SERVICES.iter().find(|(_, keys)| keys.contains(&key.as_str())).map(|(category, _)| *category)
        };
        // Models of other makers are sold as `Claude 3 Haiku (Amazon Bedrock Edition)`.
        let bedrock = || name.to_ascii_lowercase().contains("bedrock").then_some(GENERATIVE_AI);
        let category = by(name).or_else(bedrock).or_else(|| by(code)).unwrap_or(OTHER);
        self.known.insert(name.to_owned(), category);
        category
    }
}

#[rustfmt::skip]
const REGIONS: &[(&str, &str)] = &[
    ("us-east-1", "US East (N. Virginia)"), ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"), ("us-west-2", "US West (Oregon)"),
    ("af-south-1", "Africa (Cape Town)"), ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-east-2", "Asia Pacific (Taipei)"), ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-south-2", "Asia Pacific (Hyderabad)"), ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"), ("ap-southeast-3", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)"), ("ap-southeast-5", "Asia Pacific (Malaysia)"),
    ("ap-southeast-6", "Asia Pacific (New Zealand)"), ("ap-southeast-7", "Asia Pacific (Thailand)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"), ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"), ("ca-central-1", "Canada (Central)"),
    ("ca-west-1", "Canada West (Calgary)"), ("eu-central-1", "Europe (Frankfurt)"),
    ("eu-central-2", "Europe (Zurich)"), ("eu-west-1", "Europe (Ireland)"), ("eu-west-2", "Europe (London)"),
    ("eu-west-3", "Europe (Paris)"), ("eu-north-1", "Europe (Stockholm)"), ("eu-south-1", "Europe (Milan)"),
    ("eu-south-2", "Europe (Spain)"), ("il-central-1", "Israel (Tel Aviv)"),
    ("me-south-1", "Middle East (Bahrain)"), ("me-central-1", "Middle East (UAE)"),
    ("mx-central-1", "Mexico (Central)"), ("sa-east-1", "South America (Sao Paulo)"),
    ("us-gov-east-1", "AWS GovCloud (US-East)"), ("us-gov-west-1", "AWS GovCloud (US-West)"),
    ("cn-north-1", "China (Beijing)"), ("cn-northwest-1", "China (Ningxia)"),
];

/// The regions: identifier and display name.
pub(in crate::bill) fn regions() -> impl Iterator<Item = (&'static str, &'static str)> {
    REGIONS.iter().copied()
}

/// The display name of a region.
pub(super) fn region_name(id: &str) -> Option<&'static str> {
    REGIONS.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// The region of an availability zone: `us-east-1a` is in `us-east-1`; some rows name the region itself.
pub(super) fn region_of_zone(zone: &str) -> Option<&'static str> {
    REGIONS
        .iter()
        .find(|(id, _)| {
            zone.strip_prefix(id).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase()))
        })
        .map(|(id, _)| *id)
}

/// Kinds of resources whose identifiers say it by their first letters.
const PREFIXES: &[(&str, &str)] = &[
    ("i-", "instance"),
    ("vol-", "volume"),
    ("snap-", "snapshot"),
    ("ami-", "image"),
    ("nat-", "natgateway"),
    ("eni-", "network-interface"),
    ("eipalloc-", "elastic-ip"),
    ("vpce-", "vpc-endpoint"),
    ("tgw-", "transit-gateway"),
    ("fs-", "file-system"),
];
/// Kinds of resources whose ARN does not name them.
const UNNAMED: &[(&str, &str)] = &[("sqs", "queue"), ("sns", "topic"), ("s3", "bucket")];

/// The kind of a resource, where its identifier tells it.
pub(super) fn resource_type<'r>(id: &'r str, product_code: &str) -> Option<&'r str> {
    if let Some(arn) = id.strip_prefix("arn:") {
        // arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/NAME or …:TYPE:NAME or …:NAME
        let mut parts = arn.splitn(5, ':');
        let service = parts.nth(1)?;
        let resource = parts.nth(2)?;
        if let Some((_, kind)) = UNNAMED.iter().find(|(known, _)| *known == service) {
            return Some(kind);
        }
        return resource.find(['/', ':']).map(|end| &resource[..end]).filter(|kind| !kind.is_empty());
    }
    let prefixed = PREFIXES.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| *kind);
    prefixed.or((product_code == "AmazonS3" && !id.is_empty()).then_some("bucket"))
}

/// The instance type of a row: what the product says, else the first word of a spot row's description, else what
/// follows the colon of the usage type (`USE1-Host:ml.g5.xlarge`).
pub(super) fn instance_type<'r>(product: &'r str, usage_type: &'r str, description: &'r str) -> &'r str {
    if !product.is_empty() {
        return product;
    }
    if is_spot(usage_type)
        && let Some(word) = description.split_whitespace().next().filter(|word| is_instance_type(word))
    {
        return word;
    }
    usage_type.rsplit_once(':').map(|(_, after)| after).filter(|after| is_instance_type(after)).unwrap_or("")
}

/// Whether a usage type is spot capacity.
pub(super) fn is_spot(usage_type: &str) -> bool {
    usage_type.contains("Spot")
}

/// A unit as FOCUS writes units: `Hrs` are `Hours`, `GB-Mo` are `GB-Months`.
pub(super) fn unit_name(unit: &str) -> Cow<'_, str> {
    let (counted, time) = unit.rsplit_once('-').map_or(("", unit), |(counted, time)| (counted, time));
    let is = |words: &[&str]| words.iter().any(|word| time.eq_ignore_ascii_case(word));
    let time = if is(&["hr", "hrs", "hour", "hours"]) {
        "Hours"
    } else if is(&["mo", "month", "months"]) {
        "Months"
    } else if is(&["sec", "secs", "second", "seconds"]) {
        "Seconds"
    } else if is(&["min", "minute", "minutes"]) {
        "Minutes"
    } else if is(&["day", "days"]) {
        "Days"
    } else {
        return Cow::Borrowed(unit);
    };
    if counted.is_empty() { Cow::Borrowed(time) } else { Cow::Owned(format!("{counted}-{time}")) }
}

/// `p5.48xlarge`, `ml.g5.xlarge`, `db.r6g.large.search`: parts of letters, digits and dashes with dots between.
fn is_instance_type(word: &str) -> bool {
    let size = |part: &str| {
        ["nano", "micro", "small", "medium", "large", "metal"].iter().any(|size| part.contains(size))
    };
    let mut parts = word.split('.');
    let first = parts.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
    let rest: Vec<&str> = parts.collect();
    let plain =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    first && rest.iter().all(plain) && rest.iter().any(|part| size(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_of_a_service_have_one_category() {
        let mut services = Services::default();
        for (name, code, subcategory) in [
            ("Amazon Elastic Compute Cloud", "AmazonEC2", "Virtual Machines"),
            ("Amazon Elastic Compute Cloud - Compute", "", "Virtual Machines"),
            ("Amazon Simple Storage Service", "AmazonS3", "Object Storage"),
            ("AWS Lambda", "AWSLambda", "Serverless Compute"),
            ("AmazonCloudWatch", "AmazonCloudWatch", "Observability"),
            ("AWS Data Transfer", "AWSDataTransfer", "Network Infrastructure"),
            ("Savings Plans for AWS Compute usage", "ComputeSavingsPlans", "Virtual Machines"),
            ("Red Hat OpenShift Service on AWS", "rosa", "Containers"),
            ("Amazon SageMaker", "AmazonSageMaker", "Machine Learning"),
            ("Claude 3 Haiku (Amazon Bedrock Edition)", "d5x3kq2abc", "Generative AI"),
            ("Amazon EC2 Container Registry (ECR)", "AmazonECR", "Containers"),
            ("Elastic Load Balancing", "AWSELB", "Network Routing"),
            ("", "awskms", "Secret Management"),
            ("A seller's product", "1a2b3c", "Other (Other)"),
        ] {
            assert_eq!(services.category(name, code).1, subcategory, "{name}");
        }
        // The first row decides, whatever code comes later.
        assert_eq!(services.category("A seller's product", "AmazonS3"), OTHER);
    }

    #[test]
    fn no_service_is_in_two_categories() {
        let mut seen = std::collections::HashSet::new();
        for name in SERVICES.iter().flat_map(|(_, keys)| *keys) {
            assert!(seen.insert(*name), "{name}");
            assert_eq!(key(name), *name);
        }
    }

    #[test]
    fn regions_zones_and_resources_are_told_from_their_identifiers() {
        assert_eq!(region_name("eu-west-1"), Some("Europe (Ireland)"));
        assert_eq!(region_of_zone("us-east-1a"), Some("us-east-1"));
        assert_eq!(region_of_zone("us-west-2"), Some("us-west-2"));
        assert_eq!(region_of_zone("us-west-2-lax-1a"), None);
        for (id, code, kind) in [
            ("i-0abc", "AmazonEC2", Some("instance")),
            ("vol-1", "AmazonEC2", Some("volume")),
            ("my-models", "AmazonS3", Some("bucket")),
            ("arn:aws:sqs:us-east-1:1:jobs", "AWSQueueService", Some("queue")),
            ("arn:aws:sagemaker:us-east-1:1:endpoint/chat", "AmazonSageMaker", Some("endpoint")),
            ("arn:aws:lambda:us-east-1:1:function:resize", "AWSLambda", Some("function")),
            ("arn:aws:x:us-east-1:1:thing", "X", None),
            ("something", "X", None),
            ("", "AmazonS3", None),
        ] {
            assert_eq!(resource_type(id, code), kind, "{id}");
        }
    }

    #[test]
    fn units_are_written_as_focus_writes_them() {
        for (unit, expected) in [
            ("Hrs", "Hours"),
            ("GB-Mo", "GB-Months"),
            ("Obj-Month", "Obj-Months"),
            ("vCPU-Hours", "vCPU-Hours"),
            ("Requests", "Requests"),
            ("1K tokens", "1K tokens"),
            ("", ""),
        ] {
            assert_eq!(unit_name(unit), expected);
        }
    }

    #[test]
    fn the_instance_type_is_found_where_the_product_does_not_say_it() {
        for (product, usage_type, description, expected) in [
            ("p5.48xlarge", "BoxUsage:p4d.24xlarge", "", "p5.48xlarge"),
            ("", "USW2-BoxUsage:g6e.xlarge", "$1.8 per On Demand Linux", "g6e.xlarge"),
            ("", "USE1-Host:ml.g5.2xlarge", "", "ml.g5.2xlarge"),
            ("", "SpotUsage:g5.xlarge", "g5.12xlarge Linux/UNIX Spot Instance-hour", "g5.12xlarge"),
            ("", "SpotUsage:g5.xlarge", "Linux", "g5.xlarge"),
            ("", "InstanceUsage:db.r6g.large", "", "db.r6g.large"),
            ("", "EBS:VolumeUsage.gp3", "", ""),
            ("", "CAN1-Requests-Tier2", "$0.004 per 10,000 GET", ""),
        ] {
            assert_eq!(instance_type(product, usage_type, description), expected, "{usage_type}");
        }
    }
}
