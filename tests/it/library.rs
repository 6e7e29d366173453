//! The short forms of the library go by the configuration of the machine, as the commands do.

use std::process::Command;

use serde_json::json;

use crate::support::Barque;
use crate::support::images::{small, write_dir, write_layout};

/// Set in the process whose machine is the sandbox.
const CHILD: &str = "BARQUE_LIBRARY_TEST";

/// Runs the test called `test` in a child process whose home directory is that of `barque`, and returns what it prints.
fn in_home_of(barque: &Barque, test: &str) -> String {
    let out = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_RUNTIME_DIR")
        .env("HOME", barque.home())
        .env(CHILD, "1")
        .current_dir(barque.path(""))
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap()
}

fn copied(from: &str, to: &str) -> Result<String, barque::Error> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = runtime.block_on(barque::copy(from, to))?;
    Ok(report.digest.to_string())
}

#[test]
fn the_policy_and_blocked_registries_of_the_machine_hold() {
    if std::env::var_os(CHILD).is_some() {
        let refused = copied("oci:l:v1", "oci:to:1").unwrap_err();
        assert_eq!(refused.kind(), barque::Kind::NotAllowed, "{refused}");
        assert!(!std::path::Path::new("to/index.json").exists());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let blocked = runtime.block_on(barque::tags("docker://127.0.0.1:1/a"));
        let blocked = blocked.unwrap_err();
        assert_eq!(blocked.kind(), barque::Kind::NotAllowed, "{blocked}");
        println!("{}", copied("dir:d", "oci:to:1").unwrap());
        return;
    }
    let barque = Barque::new();
    let image = small();
    write_layout(&barque.path("l"), &[("v1", &image)]);
    write_dir(&barque.path("d"), &image);
    let config = ".config/containers";
    let accepting = json!([{"type": "insecureAcceptAnything"}]);
    let policy = json!({"default": [{"type": "reject"}], "transports": {"dir": {"": accepting}}});
    barque.write_home(&format!("{config}/policy.json"), policy.to_string());
    let blocked = "[[registry]]\nlocation = \"127.0.0.1:1\"\nblocked = true\n";
    barque.write_home(&format!("{config}/registries.conf"), blocked);
    let name = "library::the_policy_and_blocked_registries_of_the_machine_hold";
    let printed = in_home_of(&barque, name);
    assert!(printed.contains(&image.digest.to_string()), "{printed}");
}
