//! No stale read: random interleavings of readers, writers and evictions against a model of the database.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use chrono::TimeDelta;
use kernel::{ManualClock, PermissionSet, Tag};
use proptest::prelude::*;

use super::{answer, clinic, clock, run};
use crate::{Cache, CacheConfig, CacheKey, Outcome, TimeToLive};

const CLINICS: usize = 2;
const ROWS: usize = 3;
/// The rows that each question is answered from.
const QUESTIONS: [&[usize]; 4] = [&[0], &[1], &[0, 1], &[0, 1, 2]];

fn key(of: usize, question: usize) -> CacheKey {
    let tags = QUESTIONS[question].iter().map(|row| Tag::part("row", row)).collect();
    let of = clinic(u8::try_from(of).unwrap());
    CacheKey::new(of, "rows", PermissionSet::NONE, question.to_string().as_bytes(), tags)
}

/// An answer's body: the clinic, then the version of each row.
fn body(of: usize, versions: impl Iterator<Item = u32>) -> Vec<u8> {
    let numbers = std::iter::once(u32::try_from(of).unwrap()).chain(versions);
    numbers.flat_map(u32::to_be_bytes).collect()
}

fn numbers(body: &[u8]) -> Vec<u32> {
    body.chunks(4)
        .map(|number| u32::from_be_bytes(number.try_into().unwrap()))
        .collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// A reader comes and goes as far as it can.
    Read { clinic: usize, question: usize },
    /// A reader that waits in its fill may go one step on: read the database, then return.
    Advance { reader: usize },
    /// A reader's fill fails.
    Fail { reader: usize },
    /// A reader's caller goes away.
    Drop { reader: usize },
    /// A row changes in the database.
    Commit { clinic: usize, row: usize },
    /// Everything committed so far is bumped, and the writers are answered.
    Bump { clinic: usize },
    /// Others' questions push entries and generations out.
    Crowd { clinic: usize },
    /// Time passes.
    Wait { seconds: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..CLINICS, 0..QUESTIONS.len()).prop_map(|(clinic, question)| Step::Read { clinic, question }),
        8 => (0_usize..8).prop_map(|reader| Step::Advance { reader }),
        1 => (0_usize..8).prop_map(|reader| Step::Fail { reader }),
        1 => (0_usize..8).prop_map(|reader| Step::Drop { reader }),
        3 => (0..CLINICS, 0..ROWS).prop_map(|(clinic, row)| Step::Commit { clinic, row }),
        3 => (0..CLINICS).prop_map(|clinic| Step::Bump { clinic }),
        1 => (0..CLINICS).prop_map(|clinic| Step::Crowd { clinic }),
        1 => (0_i64..400).prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 1..120)
}

#[derive(Default)]
struct Database {
    /// What a query sees.
    committed: [[u32; ROWS]; CLINICS],
    /// What was bumped: nobody who comes now may see less.
    promised: [[u32; ROWS]; CLINICS],
}

#[derive(Debug, PartialEq)]
struct Failed;

/// What a reader is allowed to do.
#[derive(Default)]
struct Leave {
    steps: Cell<u32>,
    fails: Cell<bool>,
}

impl Leave {
    async fn step(&self, number: u32) {
        poll_fn(|_| {
            if self.steps.get() >= number {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<(Vec<u32>, Outcome), Failed>>>>;

struct Reader {
    clinic: usize,
    /// What it may not see less than: promised when it came.
    least: Vec<u32>,
    leave: Rc<Leave>,
    reading: Reading,
}

struct World {
    cache: Cache,
    clock: Arc<ManualClock>,
    database: Rc<RefCell<Database>>,
    readers: Vec<Reader>,
    crowd: u32,
}

impl World {
    fn new() -> Self {
        let clock = clock();
        // Room for a few answers and fewer generations than there are tags.
        let config = CacheConfig {
            total_bytes: 4_000,
            clinic_bytes: 2_500,
            tags: 0,
        };
        let cache = Cache::new(config, clock.clone());
        Self {
            cache,
            clock,
            database: Rc::default(),
            readers: Vec::new(),
            crowd: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Read { clinic, question } => self.start(clinic, question),
            Step::Advance { reader } => {
                if let Some(reader) = self.readers.get(reader) {
                    reader.leave.steps.set(reader.leave.steps.get() + 1);
                }
            }
            Step::Fail { reader } => {
                if let Some(reader) = self.readers.get(reader) {
                    reader.leave.fails.set(true);
                }
            }
            Step::Drop { reader } => {
                if reader < self.readers.len() {
                    drop(self.readers.remove(reader));
                }
            }
            Step::Commit { clinic, row } => self.database.borrow_mut().committed[clinic][row] += 1,
            Step::Bump { clinic } => self.bump(clinic),
            Step::Crowd { clinic } => self.crowd(clinic),
            Step::Wait { seconds } => self.clock.advance(TimeDelta::seconds(seconds)),
        }
        self.poll_all();
    }

    fn start(&mut self, clinic: usize, question: usize) {
        let (cache, database, leave) = (self.cache.clone(), Rc::clone(&self.database), Rc::new(Leave::default()));
        let promised = self.database.borrow().promised[clinic];
        let fill_leave = Rc::clone(&leave);
        let reading = async move {
            let fill = async || {
                fill_leave.step(1).await;
                let committed = database.borrow().committed[clinic];
                let body = body(clinic, QUESTIONS[question].iter().map(|row| committed[*row]));
                fill_leave.step(2).await;
                if fill_leave.fails.get() {
                    Err(Failed)
                } else {
                    Ok(answer(body))
                }
            };
            let found = cache
                .get_or_fill(&key(clinic, question), TimeToLive::Changing, fill)
                .await;
            found.map(|(found, outcome)| (numbers(&found.body), outcome))
        };
        let least = QUESTIONS[question].iter().map(|row| promised[*row]).collect();
        self.readers.push(Reader {
            clinic,
            least,
            leave,
            reading: Box::pin(reading),
        });
    }

    fn bump(&mut self, of: usize) {
        let mut database = self.database.borrow_mut();
        let rows = (0..ROWS).filter(|row| database.committed[of][*row] != database.promised[of][*row]);
        let tags: Vec<_> = rows.map(|row| Tag::part("row", row)).collect();
        run(self.cache.bump(clinic(u8::try_from(of).unwrap()), &tags));
        database.promised[of] = database.committed[of];
    }

    fn crowd(&mut self, of: usize) {
        for _ in 0..8 {
            self.crowd += 1;
            let tags = (0..20)
                .map(|tag| Tag::part("crowd", format_args!("{}.{tag}", self.crowd)))
                .collect();
            let of = clinic(u8::try_from(of).unwrap());
            let key = CacheKey::new(of, "crowd", PermissionSet::NONE, &self.crowd.to_be_bytes(), tags);
            let fill = async || Ok::<_, Infallible>(answer(vec![0; 200]));
            let Ok(_) = run(self.cache.get_or_fill(&key, TimeToLive::Search, fill));
        }
    }

    /// Lets every reader go as far as it can, and holds what those that arrive have seen against the promise.
    fn poll_all(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            self.readers.retain_mut(|reader| {
                let Poll::Ready(found) = reader.reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
                    return true;
                };
                moved = true;
                match found {
                    Ok((numbers, outcome)) => check(reader, &numbers, outcome),
                    Err(Failed) => assert!(reader.leave.fails.get(), "another's error"),
                }
                false
            });
        }
    }
}

fn check(reader: &Reader, numbers: &[u32], outcome: Outcome) {
    let (of, versions) = numbers.split_first().unwrap();
    assert_eq!(usize::try_from(*of).unwrap(), reader.clinic, "another clinic's answer");
    assert_eq!(versions.len(), reader.least.len(), "the answer to another question");
    let fresh = versions.iter().zip(&reader.least).all(|(seen, least)| seen >= least);
    assert!(
        fresh,
        "a stale read ({outcome}): {versions:?} after {:?} was promised",
        reader.least
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_reader_sees_less_than_was_promised_when_it_came(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        // Then all may go on: none of them waits forever.
        for reader in &world.readers {
            reader.leave.steps.set(2);
        }
        world.poll_all();
        prop_assert_eq!(world.readers.len(), 0);
    }
}

/// The same promise with real threads: three readers and two writers on five runtimes.
#[test]
fn no_thread_sees_less_than_was_promised_when_it_asked() {
    const WRITES: u32 = 3_000;
    let cache = Cache::new(
        CacheConfig {
            total_bytes: 8_000,
            clinic_bytes: 8_000,
            tags: 256,
        },
        clock(),
    );
    let (committed, promised) = (<[AtomicU32; ROWS]>::default(), <[AtomicU32; ROWS]>::default());
    let done = AtomicBool::new(false);
    let read = async |question: usize| {
        let rows = QUESTIONS[question];
        let least: Vec<_> = rows.iter().map(|row| promised[*row].load(Ordering::SeqCst)).collect();
        let fill = async || {
            let body = body(0, rows.iter().map(|row| committed[*row].load(Ordering::SeqCst)));
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(answer(body))
        };
        let Ok((found, _)) = cache.get_or_fill(&key(0, question), TimeToLive::Changing, fill).await;
        let versions = numbers(&found.body);
        assert!(
            versions[1..].iter().zip(&least).all(|(seen, least)| seen >= least),
            "{versions:?} after {least:?}"
        );
    };
    let write = async |row: usize| {
        let version = committed[row].fetch_add(1, Ordering::SeqCst) + 1;
        cache.bump(clinic(0), &[Tag::part("row", row)]).await;
        promised[row].fetch_max(version, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        for reader in 0..3 {
            let (read, done) = (&read, &done);
            scope.spawn(move || {
                run(async {
                    let mut question = reader;
                    while !done.load(Ordering::SeqCst) {
                        read(question % QUESTIONS.len()).await;
                        question += 1;
                    }
                });
            });
        }
        let writers: Vec<_> = [[0, 1], [1, 2]]
            .into_iter()
            .map(|rows| {
                let write = &write;
                scope.spawn(move || {
                    run(async {
                        for turn in 0..WRITES {
                            write(rows[usize::try_from(turn % 2).unwrap()]).await;
                        }
                    });
                })
            })
            .collect();
        let ended: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        assert!(ended.into_iter().all(|writer| writer.is_ok()));
    });
}
