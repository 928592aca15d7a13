"""Jobs: real runs, by schedule, once and at somebody's word, over the death of the daemon."""
import json
import urllib.request

import children


def job(world, name):
    return next(j for j in world.status()["jobs"] if j["name"] == name)


def wait_runs(world, name, count):
    world.wait_for(lambda: job(world, name)["succeeded"] >= count, what=f"{count} runs of {name}")


def wait_state(world, name, state):
    world.wait_for(lambda: job(world, name)["state"] == state, what=f"{name} {state}")


def events(world, type, subject):
    return [e for e in world.events_until_now() if e["type"] == type and e["subject"] == subject]


def test_a_job_runs_once_for_each_revision_and_before_what_needs_it(world):
    services = {"web": {"command": "sleep 1000",
                        "depends_on": {"migrate": {"condition": "service_completed_successfully"}}}}
    migrate = ["sh", "-c", "echo ran >> migrations"]
    world.declare(services, jobs={"migrate": {"command": migrate}})
    assert "runs once now" in world.tend("plan").stdout
    world.up()
    assert (world.dir / "migrations").read_text() == "ran\n"
    assert world.instance("web/1")["state"] == "ready"
    assert "No changes" in world.tend("plan").stdout
    world.up()
    assert (world.dir / "migrations").read_text() == "ran\n"
    world.declare(services, jobs={"migrate": {"command": migrate, "environment": {"STEP": "2"}}})
    assert "runs again now" in world.tend("plan").stdout
    world.up()
    assert (world.dir / "migrations").read_text() == "ran\nran\n"
    assert job(world, "migrate")["state"] == "completed"


def test_a_schedule_runs_a_job_and_each_run_says_why(world):
    world.declare({}, jobs={"tick": {"command": ["echo", "tick"], "schedule": "@every 1s"}})
    assert "next run at" in world.tend("plan").stdout
    world.up()
    wait_runs(world, "tick", 2)
    told = events(world, "job.started", "tick")[0]["evidence"]
    assert told["trigger"] == "schedule" and told["schedule"] == "@every 1s"
    assert told["scheduled_at"].endswith("Z") and 0 <= told["late_ms"] < 1000
    assert "schedule @every 1s" in world.why("tick")
    shown = world.tend("status").stdout
    assert "@every 1s" in shown and "NEXT RUN" in shown
    lines = world.tend("logs", "tick", "-n", "all").stdout
    assert lines.count("tick\n") >= 2 and "tick/1#1 " in lines
    assert world.tend("logs", "tick", "-n", "all", "--grep", "^t.ck$").stdout.count("tick\n") >= 2
    assert world.tend("logs", "tick", "--grep", "^t.ck$", "-F").stdout == ""
    wrong = world.tend("logs", "tick", "--grep", "t(ick", check=False)
    assert wrong.returncode != 0 and "error parsing regexp" in wrong.stderr
    metrics = urllib.request.urlopen(f"http://{world.listen}/metrics", timeout=5).read().decode()
    assert 'tend_job_last_success_timestamp_seconds{job_name="tick"} ' in metrics
    assert 'tend_service_up{service="tick"}' not in metrics


def test_start_runs_a_job_now_and_wait_gives_its_result(world):
    world.declare({}, jobs={
        "good": {"command": "true", "schedule": "@yearly"},
        "bad": {"command": ["sh", "-c", "exit 3"], "schedule": "@yearly"}})
    world.up()
    world.tend("start", "--wait", "good")
    assert job(world, "good")["runs"][-1]["trigger"] == "person"
    failed = world.tend("start", "--wait", "bad", check=False)
    assert failed.returncode == 1 and "exited with code 3" in failed.stderr
    assert job(world, "bad")["runs"][-1]["code"] == 3
    assert "failed (3)" in world.tend("status", "bad").stdout


def test_a_run_outlives_the_daemon_and_is_finished_by_the_next(world):
    world.declare({}, jobs={"long": {"command": ["sh", "-c", "until [ -e go ]; do sleep 0.05; done; exit 0"],
                                     "schedule": "@yearly"}})
    world.up()
    world.tend("start", "long")
    pid = job(world, "long")["instances"][0]["pid"]
    daemon = world.daemon_pid()
    world.kill(daemon)
    world.wait_daemon(other_than=daemon)
    wait_state(world, "long", "running")
    assert children.is_running(pid)
    assert job(world, "long")["runs"][-1]["run"] == 1
    (world.dir / "go").touch()
    wait_runs(world, "long", 1)
    assert len(events(world, "job.started", "long")) == 1


def test_an_end_that_no_daemon_saw_is_told_by_the_next(world):
    world.declare({"keep": {"command": "sleep 1000"}},
                  jobs={"long": {"command": ["sh", "-c", "until [ -e go ]; do sleep 0.05; done; exit 4"],
                                 "schedule": "@yearly"}})
    world.up()
    world.tend("start", "long")
    pid = job(world, "long")["instances"][0]["pid"]
    world.tend("daemon", "--stop")
    (world.dir / "go").touch()
    world.wait_dead(pid)
    world.tend("up", "-d", check=False)
    wait_state(world, "long", "failed")
    assert job(world, "long")["runs"][-1]["code"] == 4


def test_a_run_that_takes_too_long_is_stopped(world):
    world.declare({}, jobs={"slow": {"command": "sleep 1000", "schedule": "@yearly", "timeout": "300ms"}})
    world.up()
    failed = world.tend("start", "--wait", "slow", check=False)
    assert failed.returncode == 1 and "active_deadline of 300ms" in failed.stderr
    assert job(world, "slow")["state"] == "failed"


def test_a_run_that_fails_is_tried_again(world):
    world.declare({}, jobs={"flaky": {"command": ["sh", "-c", "echo x >> tries; [ $$(wc -l < tries) -ge 3 ]"],
                                      "retries": 5, "retry_delay": "20ms"}})
    world.up()
    assert (world.dir / "tries").read_text() == "x\nx\nx\n"
    assert events(world, "job.succeeded", "flaky")[0]["evidence"]["failures"] == 2


def test_forbid_leaves_runs_out_and_stop_cancels_one(world):
    world.declare({}, jobs={"slow": {"command": "sleep 1000", "schedule": "@every 1s", "concurrency": "forbid"}})
    world.up()
    world.wait_event("job.skipped", "slow")
    assert world.tend("start", "slow", check=False).returncode == 5
    world.tend("stop", "slow")
    assert events(world, "job.cancelled", "slow")[0]["evidence"]["reason"] == "somebody stopped it"


def test_allow_runs_side_by_side(world):
    world.declare({}, jobs={"slow": {"command": "sleep 1000", "schedule": "@every 1s"}})
    world.up()
    world.wait_for(lambda: job(world, "slow")["active"] >= 2, what="two runs")
    assert {i["id"] for i in job(world, "slow")["instances"]} >= {"slow/1", "slow/2"}
    world.down()


def test_what_is_wrong_in_a_job_is_told_with_its_place(world):
    world.declare_text("name: e2e\nservices: {}\njobs:\n  j:\n    command: x\n    schedule: '0 25 * * *'\n"
                       "    timezone: Europe/Berln\n    ports: [80]\n")
    told = world.tend("check", "--json", check=False)
    found = {(d["line"], d["column"]): d for d in json.loads(told.stdout)["diagnostics"]}
    assert found[6, 18]["message"] == "25 is no hour"
    assert found[6, 18]["end_column"] == 20
    assert "Europe/Berlin" in found[7, 15]["help"]
    assert "serves nobody" in found[8, 5]["message"]


def test_jobs_have_routes_of_their_own(world):
    world.declare({"web": {"command": "sleep 1000"}}, jobs={"j": {"command": "true"}})
    world.up()
    got = json.load(urllib.request.urlopen(f"http://{world.listen}/tend/v1/jobs/j", timeout=5))
    assert got["job"]["runs"][0]["result"] == "succeeded"
    assert [s["name"] for s in world.status()["services"]] == ["web"]
    assert world.json("status")["jobs"][0]["name"] == "j"
