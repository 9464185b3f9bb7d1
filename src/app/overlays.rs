//! Allocations of `OpenCost` and Kubecost in a project: kept beside the bills, never among them.

use super::App;
use crate::bill::overlay::Overlay;

/// Where overlays stand in the project's table of items.
const KIND: &str = "overlay";

impl App {
    /// Reads the overlays of a project that was just opened.
    pub(super) fn load_overlays(&mut self) -> anyhow::Result<()> {
        self.state.overlays = self.project.all(KIND)?.into_iter().map(|(_key, overlay)| overlay).collect();
        Ok(())
    }

    /// Keeps an overlay; the same file replaces itself.
    pub(super) fn take_overlay(&mut self, overlay: Overlay) -> anyhow::Result<()> {
        let place = self.state.overlays.iter().position(|other| other.key == overlay.key);
        self.project.put(KIND, &overlay.key, place.unwrap_or(self.state.overlays.len()), &overlay)?;
        match place {
            Some(place) => self.state.overlays[place] = overlay,
            None => self.state.overlays.push(overlay),
        }
        Ok(())
    }

    /// Takes an overlay out.
    pub(super) fn remove_overlay(&mut self, key: &str) -> anyhow::Result<()> {
        self.project.remove(KIND, key)?;
        self.state.overlays.retain(|overlay| overlay.key != key);
        Ok(())
    }
}
