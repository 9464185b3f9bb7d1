//! Projects that are made when they are asked for: drafts, and the sample project.

use anyhow::{Context, bail};

use super::jobs::JobId;
use super::project::Project;
use super::{App, intake, sample};

impl App {
    /// A new project file among the drafts, so that nothing measured depends on a later "save".
    pub(super) fn draft(&self) -> anyhow::Result<Project> {
        let folder = self.options.folders.data.join("projects");
        std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        for number in 1..10_000 {
            let path = folder.join(format!("untitled-{number}.inferometer"));
            if !path.exists() {
                return Project::open(&path);
            }
        }
        bail!("there are 9,999 untitled projects already; delete some: {}", folder.display())
    }

    pub(super) fn open_sample(&mut self) -> anyhow::Result<Option<JobId>> {
        let folder = self.options.folders.sample();
        let files = sample::unpack(&folder)?;
        self.load(Project::open(&folder.join("sample.inferometer"))?)?;
        if self.state.models.is_empty() && self.state.bills.is_empty() {
            let scenario = sample::scenario();
            self.project.put("scenario", "now", 0, &scenario)?;
            self.state.scenario = scenario;
            return Ok(Some(self.take_in(files, intake::read)));
        }
        Ok(None)
    }
}
