use pointsman_kernel::agents::Conversation;

use super::*;

const KEPT: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn course(agent: &str) -> Course {
    Course::default().after(Conversation::default(), Some(&agent.into()))
}

#[test]
fn a_conversation_outlives_the_process_and_no_tenant_sees_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let (one, other): (Tenant, Tenant) = ("one".into(), "other".into());
    let session = SessionId::from("s");
    let courses = Courses::open(&path, KEPT, at(100)).unwrap();
    assert_eq!(courses.get(&one, &session, at(100)), CourseAt::default());
    let version = courses.put(&one, &session, 0, course("a"), at(100)).unwrap();
    let version = courses.put(&one, &session, version, course("b"), at(101)).unwrap();
    courses.close();
    drop(courses);
    let courses = Courses::open(&path, KEPT, at(120)).unwrap();
    assert_eq!(courses.get(&one, &session, at(120)), CourseAt { course: course("b"), version });
    assert_eq!(courses.get(&other, &session, at(120)), CourseAt::default());
    assert_eq!(courses.failed(), 0);
}

#[test]
fn of_two_that_read_the_same_the_first_writes() {
    let courses = Courses::in_memory(KEPT);
    let (tenant, session): (Tenant, SessionId) = ("t".into(), "s".into());
    let version = courses.put(&tenant, &session, 0, course("a"), at(1)).unwrap();
    assert_eq!(courses.put(&tenant, &session, version, course("b"), at(2)), Ok(version + 1));
    assert_eq!(courses.put(&tenant, &session, version, course("c"), at(3)), Err(Outdated));
    assert_eq!(courses.get(&tenant, &session, at(3)).course, course("b"));
}

#[test]
fn what_is_old_is_forgotten_here_and_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let (tenant, old, new): (Tenant, SessionId, SessionId) = ("t".into(), "old".into(), "new".into());
    let courses = Courses::open(&path, KEPT, at(100)).unwrap();
    courses.put(&tenant, &old, 0, course("a"), at(100)).unwrap();
    courses.put(&tenant, &new, 0, course("a"), at(150)).unwrap();
    // Late, though not forgotten yet: it begins anew, and its version goes on.
    assert_eq!(courses.get(&tenant, &old, at(161)), CourseAt { course: Course::default(), version: 1 });
    courses.forget(at(161));
    courses.close();
    drop(courses);
    let courses = Courses::open(&path, Duration::from_secs(10_000), at(161)).unwrap();
    assert_eq!(courses.get(&tenant, &old, at(161)), CourseAt::default());
    assert_eq!(courses.get(&tenant, &new, at(161)).course, course("a"));
}

#[test]
fn a_version_never_falls_whatever_many_threads_do() {
    let courses = Courses::in_memory(KEPT);
    let (tenant, session): (Tenant, SessionId) = ("t".into(), "s".into());
    let written: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut written = 0;
                    for _ in 0..500 {
                        let read = courses.get(&tenant, &session, at(1)).version;
                        written +=
                            u64::from(courses.put(&tenant, &session, read, course("a"), at(1)).is_ok());
                    }
                    written
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(courses.get(&tenant, &session, at(1)).version, written);
}

#[test]
fn another_programs_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    drop(crate::Keys::open(&path).unwrap());
    assert!(matches!(Courses::open(&path, KEPT, at(1)), Err(StoreError::Foreign { .. })));
}
