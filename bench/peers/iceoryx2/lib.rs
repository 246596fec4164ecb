//! One end over iceoryx2: it publishes to one service and subscribes to another; an event beside each wakes who sleeps.
use iceoryx2::port::update_connections::UpdateConnections;
use iceoryx2::port::{listener::Listener, notifier::Notifier, publisher::Publisher, subscriber::Subscriber};
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::{publish_subscribe::PortFactory, PortFactory as _};
use std::error::Error;
use std::ffi::{c_char, CStr, CString};

mod requests;

pub(crate) type Answer<T> = Result<T, Box<dyn Error>>;

struct Out {
    service: PortFactory<ipc::Service, [u8], ()>,
    publisher: Publisher<ipc::Service, [u8], ()>,
    notifier: Notifier<ipc::Service>,
}

struct In {
    service: PortFactory<ipc::Service, [u8], ()>,
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    listener: Listener<ipc::Service>,
}

pub struct End {
    // Dropped in this order: the node last.
    out: Option<Out>,
    into: Option<In>,
    _node: Node<ipc::Service>,
}

fn service(node: &Node<ipc::Service>, topic: &str) -> Answer<PortFactory<ipc::Service, [u8], ()>> {
    Ok(node
        .service_builder(&topic.try_into()?)
        .publish_subscribe::<[u8]>()
        .max_publishers(1)
        .max_subscribers(64)
        .max_nodes(66)
        .subscriber_max_buffer_size(256)
        .history_size(0)
        .enable_safe_overflow(false)
        .open_or_create()?)
}

pub(crate) fn event(
    node: &Node<ipc::Service>, topic: &str, notifiers: usize,
) -> Answer<iceoryx2::service::port_factory::event::PortFactory<ipc::Service>> {
    Ok(node.service_builder(&topic.try_into()?).event().max_notifiers(notifiers).max_listeners(64).max_nodes(66).open_or_create()?)
}

pub(crate) fn listener(node: &Node<ipc::Service>, topic: &str) -> Answer<Listener<ipc::Service>> {
    Ok(event(node, topic, 1)?.listener_builder().create()?)
}

pub(crate) fn node(root: &str, prefix: &str) -> Answer<Node<ipc::Service>> {
    set_log_level(LogLevel::Fatal);
    let mut config = Config::default();
    config.global.set_root_path(&Path::new(root.as_bytes())?);
    config.global.prefix = FileName::new(prefix.as_bytes())?;
    Ok(NodeBuilder::new().config(&config).signal_handling_mode(SignalHandlingMode::Disabled).create::<ipc::Service>()?)
}

fn opened(root: &str, prefix: &str, out: &str, into: &str, size: usize) -> Answer<End> {
    let node = node(root, prefix)?;
    let out = if out.is_empty() {
        None
    } else {
        let service = service(&node, out)?;
        let publisher = service
            .publisher_builder()
            .initial_max_slice_len(size.max(1))
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        Some(Out { service, publisher, notifier: event(&node, out, 1)?.notifier_builder().create()? })
    };
    let into = if into.is_empty() {
        None
    } else {
        let listener = listener(&node, into)?;
        let service = service(&node, into)?;
        Some(In { subscriber: service.subscriber_builder().create()?, service, listener })
    };
    Ok(End { out, into, _node: node })
}

fn send(end: &End, message: &[u8]) -> Answer<()> {
    let out = end.out.as_ref().ok_or("this end only receives")?;
    out.publisher.loan_slice_uninit(message.len())?.write_from_slice(message).send()?;
    Ok(())
}

pub(crate) fn wake(sleeper: &Notifier<ipc::Service>) -> Answer<()> {
    sleeper.notify()?;
    Ok(())
}

/// None: nothing is there now.
fn receive(end: &End, room: &mut [u8]) -> Answer<Option<usize>> {
    let into = end.into.as_ref().ok_or("this end only sends")?;
    Ok(into.subscriber.receive()?.map(|sample| {
        let n = sample.len().min(room.len());
        room[..n].copy_from_slice(&sample[..n]);
        n
    }))
}

/// Whether there is a publisher. Until a subscriber has its connection, a publisher drops what its buffer has no room for.
fn subscribed(end: &End) -> Answer<bool> {
    let into = end.into.as_ref().ok_or("this end only sends")?;
    let there = into.service.dynamic_config().number_of_publishers() > 0;
    into.subscriber.update_connections()?;
    Ok(there)
}

/// At most a second: one run in about a hundred never ended with blocking_wait(), while the notifier held it for notified
/// (0.10.0; likewise eclipse-iceoryx/iceoryx2#1811). What is missed costs a second then, and is seen in the row.
pub(crate) fn wait(listener: &Listener<ipc::Service>) -> Answer<()> {
    listener.timed_wait(|_| {}, std::time::Duration::from_secs(1))?;
    Ok(())
}

// ---------------------------------------------------------------- for C: what failed is said by `failed`, and the answer is null or -1

pub(crate) type Failed = extern "C" fn(*const c_char);

pub(crate) fn or_failed<T>(answer: Answer<T>, failed: Failed) -> Option<T> {
    answer
        .map_err(|e| {
            let text = CString::new(format!("iceoryx2: {e}")).unwrap_or_default();
            failed(text.as_ptr());
        })
        .ok()
}

/// # Safety
/// It ends with 0.
pub(crate) unsafe fn text<'a>(p: *const c_char) -> &'a str {
    unsafe { CStr::from_ptr(p) }.to_str().unwrap_or_default()
}

/// # Safety
/// Texts that end with 0.
#[no_mangle]
pub unsafe extern "C" fn iox2_open(
    root: *const c_char, prefix: *const c_char, out: *const c_char, into: *const c_char, size: usize, failed: Failed,
) -> *mut End {
    let end = unsafe { opened(text(root), text(prefix), text(out), text(into), size) };
    or_failed(end, failed).map_or(std::ptr::null_mut(), |e| Box::into_raw(Box::new(e)))
}

/// # Safety
/// `end` is of iox2_open, as in all below, and `message` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn iox2_send(end: *const End, message: *const u8, length: usize, failed: Failed) -> i32 {
    let message = unsafe { std::slice::from_raw_parts(message, length) };
    or_failed(send(unsafe { &*end }, message), failed).map_or(-1, |()| 0)
}

/// # Safety
/// See iox2_send.
#[no_mangle]
pub unsafe extern "C" fn iox2_wake(end: *const End, failed: Failed) -> i32 {
    let woken = unsafe { &*end }.out.as_ref().ok_or("this end only receives".into()).and_then(|o| wake(&o.notifier));
    or_failed(woken, failed).map_or(-1, |()| 0)
}

/// -2: nothing is there now.
///
/// # Safety
/// `room` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn iox2_receive(end: *const End, room: *mut u8, length: usize, failed: Failed) -> i64 {
    let room = unsafe { std::slice::from_raw_parts_mut(room, length) };
    or_failed(receive(unsafe { &*end }, room), failed).map_or(-1, |n| n.map_or(-2, |n| n as i64))
}

/// # Safety
/// See iox2_send.
#[no_mangle]
pub unsafe extern "C" fn iox2_wait(end: *const End, failed: Failed) -> i32 {
    let woken = unsafe { &*end }.into.as_ref().ok_or("this end only sends".into()).and_then(|i| wait(&i.listener));
    or_failed(woken, failed).map_or(-1, |()| 0)
}

/// Who subscribes to what `end` publishes.
///
/// # Safety
/// See iox2_send.
#[no_mangle]
pub unsafe extern "C" fn iox2_subscribers(end: *const End) -> usize {
    unsafe { &*end }.out.as_ref().map_or(0, |o| o.service.dynamic_config().number_of_subscribers())
}

/// 1: what `end` subscribes to has a publisher, and what that sends from now on comes.
///
/// # Safety
/// See iox2_send.
#[no_mangle]
pub unsafe extern "C" fn iox2_subscribed(end: *const End, failed: Failed) -> i32 {
    or_failed(subscribed(unsafe { &*end }), failed).map_or(-1, i32::from)
}

/// # Safety
/// See iox2_send.
#[no_mangle]
pub unsafe extern "C" fn iox2_close(end: *mut End) {
    drop(unsafe { Box::from_raw(end) });
}
