//! The dialog that connects a warehouse.

use inferometer::app::Theme;

use super::harness;

#[test]
fn what_cannot_be_connected_is_said_in_the_dialog() {
    let mut desk = harness::empty(Theme::Dark);
    desk.ctrl(egui::Key::Num6);
    assert!(!desk.says("Password or token"));
    desk.press("Connect a warehouse…");
    assert!(desk.says("Password or token"));
    desk.press("Test");
    assert!(desk.says("is no table's name"));
    desk.press("Close");
    assert!(!desk.says("Password or token"));
}
