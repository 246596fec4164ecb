//! Requests over iceoryx2: a client has questions on their way, a server answers each; events wake who sleeps.
use crate::{event, listener, node, or_failed, text, Answer, Failed};
use iceoryx2::port::{client::Client, listener::Listener, notifier::Notifier, server::Server};
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::{request_response::PortFactory, PortFactory as _};
use std::collections::VecDeque;
use std::ffi::c_char;

// A question's header says which client's it is, so that the server wakes that one and no other.
type Who = u32;
type Service = PortFactory<ipc::Service, [u8], Who, [u8], ()>;
type Asked = iceoryx2::pending_response::PendingResponse<ipc::Service, [u8], Who, [u8], ()>;
type Question = iceoryx2::active_request::ActiveRequest<ipc::Service, [u8], Who, [u8], ()>;

pub struct Asking {
    // Dropped in this order: the node last.
    asked: VecDeque<Asked>,
    client: Client<ipc::Service, [u8], Who, [u8], ()>,
    wakes: Notifier<ipc::Service>,
    listener: Listener<ipc::Service>,
    service: Service,
    me: Who,
    _node: Node<ipc::Service>,
}

pub struct Answering {
    question: Option<Question>,
    server: Server<ipc::Service, [u8], Who, [u8], ()>,
    wakes: Vec<Notifier<ipc::Service>>,
    listener: Listener<ipc::Service>,
    _service: Service,
    _node: Node<ipc::Service>,
}

/// What both sides agree on.
#[repr(C)]
pub struct Terms {
    size: usize,
    clients: usize,
    flight: usize,
}

fn service(node: &Node<ipc::Service>, terms: &Terms) -> Answer<Service> {
    Ok(node
        .service_builder(&"requests".try_into()?)
        .request_response::<[u8], [u8]>()
        .request_user_header::<Who>()
        .max_servers(1)
        .max_clients(terms.clients)
        .max_nodes(terms.clients + 1)
        .max_active_requests_per_client(terms.flight)
        .max_loaned_requests(1)
        .enable_safe_overflow_for_requests(false)
        .enable_safe_overflow_for_responses(false)
        .open_or_create()?)
}

fn answers_of(client: usize) -> String {
    format!("answers-{client}")
}

fn asking(root: &str, prefix: &str, me: Who, terms: &Terms) -> Answer<Asking> {
    let node = node(root, prefix)?;
    let service = service(&node, terms)?;
    Ok(Asking {
        asked: VecDeque::new(),
        client: service
            .client_builder()
            .initial_max_slice_len(terms.size)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?,
        wakes: event(&node, "questions", terms.clients)?.notifier_builder().create()?,
        listener: listener(&node, &answers_of(me as usize))?,
        service,
        me,
        _node: node,
    })
}

fn answering(root: &str, prefix: &str, terms: &Terms) -> Answer<Answering> {
    let node = node(root, prefix)?;
    let service = service(&node, terms)?;
    let wakes = (0..terms.clients)
        .map(|i| Ok(event(&node, &answers_of(i), 1)?.notifier_builder().create()?))
        .collect::<Answer<Vec<_>>>()?;
    Ok(Answering {
        question: None,
        wakes,
        listener: event(&node, "questions", terms.clients)?.listener_builder().create()?,
        server: service
            .server_builder()
            .initial_max_slice_len(terms.size)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?,
        _service: service,
        _node: node,
    })
}

fn ask(end: &mut Asking, message: &[u8]) -> Answer<()> {
    let mut question = end.client.loan_slice_uninit(message.len())?;
    *question.user_header_mut() = end.me;
    end.asked.push_back(question.write_from_slice(message).send()?);
    Ok(())
}

fn copied(from: &[u8], room: &mut [u8]) -> usize {
    let n = from.len().min(room.len());
    room[..n].copy_from_slice(&from[..n]);
    n
}

/// To the oldest question that has none. None: it is not there now.
fn answer(end: &mut Asking, room: &mut [u8]) -> Answer<Option<usize>> {
    let oldest = end.asked.front().ok_or("nothing was asked")?;
    let Some(answer) = oldest.receive()? else { return Ok(None) };
    let n = copied(&answer, room);
    drop(answer);
    end.asked.pop_front();
    Ok(Some(n))
}

/// None: nothing is asked now.
fn question(end: &mut Answering, room: &mut [u8]) -> Answer<Option<usize>> {
    end.question = end.server.receive()?;
    Ok(end.question.as_ref().map(|q| copied(q, room)))
}

/// The last question; answers whose it was.
fn reply(end: &mut Answering, message: &[u8]) -> Answer<Who> {
    let question = end.question.take().ok_or("nothing was asked")?;
    question.loan_slice_uninit(message.len())?.write_from_slice(message).send()?;
    Ok(*question.user_header())
}

// ---------------------------------------------------------------- for C, see lib.rs

/// # Safety
/// Texts that end with 0, and `terms`.
#[no_mangle]
pub unsafe extern "C" fn iox2_asking(
    root: *const c_char, prefix: *const c_char, me: u32, terms: *const Terms, failed: Failed,
) -> *mut Asking {
    let end = unsafe { asking(text(root), text(prefix), me, &*terms) };
    or_failed(end, failed).map_or(std::ptr::null_mut(), |e| Box::into_raw(Box::new(e)))
}

/// # Safety
/// See iox2_asking.
#[no_mangle]
pub unsafe extern "C" fn iox2_answering(root: *const c_char, prefix: *const c_char, terms: *const Terms, failed: Failed) -> *mut Answering {
    let end = unsafe { answering(text(root), text(prefix), &*terms) };
    or_failed(end, failed).map_or(std::ptr::null_mut(), |e| Box::into_raw(Box::new(e)))
}

/// # Safety
/// `end` is of iox2_asking or iox2_answering, as in all below, and `message` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn iox2_ask(end: *mut Asking, message: *const u8, length: usize, failed: Failed) -> i32 {
    let message = unsafe { std::slice::from_raw_parts(message, length) };
    or_failed(ask(unsafe { &mut *end }, message), failed).map_or(-1, |()| 0)
}

/// -2: it is not there now.
///
/// # Safety
/// `room` has `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn iox2_answer(end: *mut Asking, room: *mut u8, length: usize, failed: Failed) -> i64 {
    let room = unsafe { std::slice::from_raw_parts_mut(room, length) };
    or_failed(answer(unsafe { &mut *end }, room), failed).map_or(-1, |n| n.map_or(-2, |n| n as i64))
}

/// -2: nothing is asked now.
///
/// # Safety
/// See iox2_answer.
#[no_mangle]
pub unsafe extern "C" fn iox2_question(end: *mut Answering, room: *mut u8, length: usize, failed: Failed) -> i64 {
    let room = unsafe { std::slice::from_raw_parts_mut(room, length) };
    or_failed(question(unsafe { &mut *end }, room), failed).map_or(-1, |n| n.map_or(-2, |n| n as i64))
}

/// Whose the question was.
///
/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_reply(end: *mut Answering, message: *const u8, length: usize, failed: Failed) -> i64 {
    let message = unsafe { std::slice::from_raw_parts(message, length) };
    or_failed(reply(unsafe { &mut *end }, message), failed).map_or(-1, i64::from)
}

/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_wake_server(end: *const Asking, failed: Failed) -> i32 {
    let end = unsafe { &*end };
    or_failed(crate::wake(&end.wakes), failed).map_or(-1, |()| 0)
}

/// # Safety
/// See iox2_ask; there is a client of that number.
#[no_mangle]
pub unsafe extern "C" fn iox2_wake_client(end: *const Answering, which: usize, failed: Failed) -> i32 {
    let end = unsafe { &*end };
    or_failed(crate::wake(&end.wakes[which]), failed).map_or(-1, |()| 0)
}

/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_await_answer(end: *const Asking, failed: Failed) -> i32 {
    or_failed(crate::wait(&unsafe { &*end }.listener), failed).map_or(-1, |()| 0)
}

/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_await_question(end: *const Answering, failed: Failed) -> i32 {
    or_failed(crate::wait(&unsafe { &*end }.listener), failed).map_or(-1, |()| 0)
}

/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_servers(end: *const Asking) -> usize {
    unsafe { &*end }.service.dynamic_config().number_of_servers()
}

/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_close_asking(end: *mut Asking) {
    drop(unsafe { Box::from_raw(end) });
}

/// # Safety
/// See iox2_ask.
#[no_mangle]
pub unsafe extern "C" fn iox2_close_answering(end: *mut Answering) {
    drop(unsafe { Box::from_raw(end) });
}
