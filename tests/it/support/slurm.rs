//! A Slurm cluster on this machine for the time of a test: munged, slurmctld and several slurmd, on free ports of 127.0.0.1.
//!
//! Everything lies in one temporary directory, nothing of `/etc` is used, and what was started is stopped by its pid. It needs
//! root, as Slurm's daemons do.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{peers, skips};

/// How long the cluster may take to come up, and an array to end.
const LIMIT: Duration = Duration::from_secs(150);

/// The cluster.
pub struct Slurm {
    dir: TempDir,
    daemons: Vec<Child>,
    /// By node.
    nodes: Vec<usize>,
}

impl Slurm {
    /// A cluster of `nodes` nodes; `None`, which skips the test, where Slurm cannot run.
    pub fn start(nodes: usize) -> Option<Slurm> {
        if peers::missing(&["sbatch", "scontrol", "slurmctld", "slurmd", "munged"]) {
            return None;
        }
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout.trim_ascii() != b"0" {
            skips::missing("Slurm's daemons need root");
            return None;
        }
        let dir = tempfile::Builder::new()
            .prefix("slurm")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["state", "log", "out"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let mut slurm = Slurm {
            dir,
            daemons: Vec::new(),
            nodes: Vec::new(),
        };
        slurm.configure(nodes);
        slurm.start_munged();
        slurm.daemon("slurmctld", &["-D", "-c"]);
        for node in 0..nodes {
            fs::create_dir(slurm.path(&format!("spool-node{node}"))).unwrap();
            slurm.nodes.push(slurm.daemons.len());
            slurm.daemon("slurmd", &["-D", "-c", "-N", &format!("node{node}")]);
        }
        let idle = |slurm: &Slurm| {
            let out = slurm
                .command("sinfo")
                .args(["-h", "-N", "-t", "idle", "-o", "%N"])
                .output();
            out.unwrap()
                .stdout
                .split(|b| *b == b'\n')
                .filter(|line| !line.is_empty())
                .count()
        };
        slurm.wait(|slurm| idle(slurm) == nodes, "the nodes to become idle");
        Some(slurm)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, nodes: usize) {
        let host = Command::new("hostname").arg("-s").output().unwrap();
        let host = String::from_utf8(host.stdout).unwrap().trim().to_owned();
        // Held together, so that each is another one.
        let held: Vec<_> = (0..=nodes)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let ports: Vec<u16> = held
            .iter()
            .map(|l| l.local_addr().unwrap().port())
            .collect();
        let run = self.dir.path().display();
        let mut conf = format!(
            "ClusterName=barque\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmUser=root\nSlurmdUser=root\n\
             CommunicationParameters=NoInAddrAny,NoCtldInAddrAny\nAuthType=auth/munge\nCredType=cred/munge\n\
             AuthInfo=socket={run}/munge.sock,cred_expire=5\nStateSaveLocation={run}/state\nSlurmdSpoolDir={run}/spool-%n\n\
             SlurmctldPidFile={run}/slurmctld.pid\nSlurmdPidFile={run}/slurmd-%n.pid\nSlurmctldLogFile={run}/log/slurmctld.log\n\
             SlurmdLogFile={run}/log/slurmd-%n.log\nProctrackType=proctrack/pgid\nTaskPlugin=task/none\n\
             JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\nMpiDefault=none\n\
             SlurmdParameters=config_overrides\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
             SchedulerType=sched/backfill\nSchedulerParameters=sched_min_interval=20000,batch_sched_delay=0,bf_interval=1,defer_batch\n\
             KillWait=2\nReturnToService=2\n",
            ports[0]
        );
        for (node, port) in ports[1..].iter().enumerate() {
            conf += &format!(
                "NodeName=node{node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=512\n"
            );
        }
        conf += "PartitionName=array Nodes=ALL Default=YES MaxTime=10 State=UP\n";
        fs::write(self.path("slurm.conf"), conf).unwrap();
    }

    fn start_munged(&mut self) {
        let key = self.path("munge.key");
        fs::write(&key, [7; 128]).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
        let place = |flag: &str, name: &str| format!("--{flag}={}", self.path(name).display());
        let args = [
            "--foreground".to_owned(),
            "--force".to_owned(),
            place("key-file", "munge.key"),
            place("socket", "munge.sock"),
            place("pid-file", "munged.pid"),
            place("seed-file", "munged.seed"),
            place("log-file", "log/munged.log"),
        ];
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.daemon("munged", &args);
        self.wait(|slurm| slurm.path("munge.sock").exists(), "munged");
    }

    fn daemon(&mut self, program: &str, args: &[&str]) {
        let log = fs::File::create(self.path(&format!("log/{program}-{}.out", self.daemons.len())))
            .unwrap();
        let child = self
            .command(program)
            .args(args)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.daemons.push(child.unwrap());
    }

    fn wait(&self, is_so: impl Fn(&Slurm) -> bool, what: &str) {
        let begun = Instant::now();
        while !is_so(self) {
            let logs = || {
                let log = fs::read_to_string(self.path("log/slurmctld.log"));
                log.unwrap_or_default()
                    .lines()
                    .rev()
                    .take(20)
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            assert!(begun.elapsed() < LIMIT, "waiting for {what}: {}", logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A command that talks to this cluster.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("SLURM_CONF", self.path("slurm.conf"))
            .stdin(Stdio::null());
        command
    }

    /// Submits `script` with its arguments as an array of `tasks`, to run in `work` with `bin` first on `PATH`.
    pub fn submit(
        &self,
        tasks: &str,
        script: &Path,
        args: &[&str],
        work: &Path,
        bin: &Path,
    ) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let out = self
            .command("sbatch")
            .args(["--parsable", &format!("--array={tasks}")])
            .arg(format!("--chdir={}", work.display()))
            .arg(format!("--output={}/%a", self.path("out").display()))
            .arg(script)
            .args(args)
            .env("PATH", format!("{}:{path}", bin.display()))
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// The tasks of the array `job` in this state (`R`, `PD`), with their nodes.
    pub fn tasks(&self, job: &str, state: &str) -> Vec<(u32, String)> {
        let out = self
            .command("squeue")
            .args(["-h", "-r", "-j", job, "-t", state, "-o", "%K %N"])
            .output();
        let text = String::from_utf8(out.unwrap().stdout).unwrap();
        let task = |line: &str| {
            let (task, node) = line.split_once(' ')?;
            Some((task.parse().ok()?, node.trim().to_owned()))
        };
        text.lines().filter_map(task).collect()
    }

    /// Waits until a task of `job` runs; returns its number and node.
    pub fn running(&self, job: &str) -> (u32, String) {
        self.wait(|slurm| !slurm.tasks(job, "R").is_empty(), "a task to run");
        self.tasks(job, "R").into_iter().min().unwrap()
    }

    /// Waits until the array has ended, and returns what its tasks printed.
    pub fn finish(&self, job: &str) -> String {
        self.wait(
            |slurm| slurm.tasks(job, "all").is_empty() || slurm.all_done(job),
            "the array to end",
        );
        let mut text = String::new();
        for entry in fs::read_dir(self.path("out")).unwrap() {
            text += &fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        }
        text
    }

    fn all_done(&self, job: &str) -> bool {
        // In one question: a task that begins between two of them would be in neither answer.
        self.tasks(job, "R,PD,CG,CF,S,RQ").is_empty()
    }

    /// Ends a task and has it started again.
    pub fn requeue(&self, job: &str, task: u32) {
        let done = self
            .command("scontrol")
            .args(["requeue", &format!("{job}_{task}")])
            .status();
        assert!(done.unwrap().success());
    }

    /// Kills the daemon of a node and declares the node dead. Its tasks go on, and are started again elsewhere.
    pub fn lose(&mut self, node: &str) {
        let n: usize = node.trim_start_matches("node").parse().unwrap();
        let daemon = &mut self.daemons[self.nodes[n]];
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        let update = [
            format!("NodeName={node}"),
            "State=DOWN".to_owned(),
            "Reason=test".to_owned(),
        ];
        assert!(
            self.command("scontrol")
                .arg("update")
                .args(update)
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for child in self.daemons.iter_mut().rev() {
            let _ = Command::new("kill")
                .arg(child.id().to_string())
                .stderr(Stdio::null())
                .status();
            let begun = Instant::now();
            while child.try_wait().is_ok_and(|status| status.is_none()) {
                if begun.elapsed() > Duration::from_secs(5) {
                    let _ = child.kill();
                    let _ = child.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}
