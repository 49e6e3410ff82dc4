//! The linked library agrees with the declarations.

use std::ffi::CStr;
use std::ptr::null_mut;

use vae_sys::*;

fn reported() -> String {
    let mut needed = 0;
    let mut text = [0; 16384];
    unsafe {
        assert_eq!(vae_layout(null_mut(), 0, &mut needed), VAE_OK);
        assert!(needed as usize <= text.len());
        assert_eq!(
            vae_layout(text.as_mut_ptr(), text.len() as u64, null_mut()),
            VAE_OK
        );
        CStr::from_ptr(text.as_ptr()).to_str().unwrap().to_owned()
    }
}

#[test]
fn the_library_has_our_layout_and_version() {
    assert_eq!(layout::mismatch(&reported()), None);
    assert_eq!(unsafe { vae_abi_version() }, VAE_ABI_VERSION);
}

#[test]
fn the_library_reports_nothing_that_is_not_declared() {
    let fields: usize = layout::LAYOUTS
        .iter()
        .map(|layout| layout.fields.len())
        .sum();
    assert_eq!(reported().lines().count(), layout::LAYOUTS.len() + fields);
}

#[test]
fn a_moved_shorter_or_missing_field_is_found() {
    let good = reported();
    for (from, to) in [
        ("vae_config.latent 28 4", "vae_config.latent 32 4"),
        ("vae_metrics.kl_bytes 96 8", "vae_metrics.kl_bytes 96 4"),
        ("vae_run.user 32 8\n", ""),
        ("vae_batch 64 8", "vae_batch 56 8"),
        ("vae_param 152 8", "vae_param 152 4"),
    ] {
        assert!(good.contains(from), "{from}");
        let found = layout::mismatch(&good.replace(from, to)).expect(from);
        assert!(found.contains(from.split(' ').next().unwrap()), "{found}");
    }
}

#[test]
fn a_struct_that_has_grown_is_no_mismatch() {
    let grown = reported().replace("vae_config 200 8", "vae_config 208 8");
    assert_eq!(layout::mismatch(&(grown + "vae_config.more 200 8\n")), None);
}
