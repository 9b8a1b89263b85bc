//! `cargo run -p sim -- --scenario two-people --seed 7`: plays a scenario and
//! prints its report.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

use std::process::ExitCode;

use sim::Scenario;

const USAGE: &str = "usage: sim [--scenario NAME|all] [--seed SEED] [--shards N] [--log]";

struct Arguments {
    scenarios: Vec<Scenario>,
    seed: u64,
    shards: Option<u16>,
    log: bool,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}\n{USAGE}\nscenarios:");
            for scenario in Scenario::ALL {
                eprintln!("  {scenario}");
            }
            return ExitCode::from(2);
        }
    };
    let mut well = true;
    for scenario in arguments.scenarios {
        let shards = arguments.shards.unwrap_or(scenario.shards());
        let report = sim::run_with(arguments.seed, scenario, shards, arguments.log);
        for line in &report.log {
            println!("{line}");
        }
        print!("{report}");
        well &= report.failures.is_empty();
    }
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        scenarios: Scenario::ALL.to_vec(),
        seed: 1,
        shards: None,
        log: false,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--scenario" => {
                let name = value()?;
                if name != "all" {
                    let found = Scenario::ALL.iter().find(|s| s.name() == name);
                    arguments.scenarios = vec![*found.ok_or(format!("no scenario {name}"))?];
                }
            }
            "--seed" => arguments.seed = value()?.parse().map_err(|e| format!("--seed: {e}"))?,
            "--shards" => {
                arguments.shards = Some(value()?.parse().map_err(|e| format!("--shards: {e}"))?);
            }
            "--log" => arguments.log = true,
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(arguments)
}
