// How each limit is run into: what the rows of the table call, in a child. Each makes the calls that its row names.
#pragma once
#include "os/limits/stage.hpp"

namespace wye::sys::trial {

// System V
void shm_count(Stage&);
void shm_size(Stage&);
void shm_pages(Stage&);
void shm_empty(Stage&);
void shm_attach(Stage&);
void shm_forced(Stage&);
void sem_sets(Stage&);
void sem_total(Stage&);
void sem_per_set(Stage&);
void sem_operations(Stage&);
void sem_value(Stage&);
void sem_undo(Stage&);
void sem_undo_entries(Stage&);
void sem_index(Stage&);
void msg_count(Stage&);
void msg_size(Stage&);
void msg_bytes(Stage&);
void removed(Stage&);
// POSIX queues
void mq_count(Stage&);
void mq_depth(Stage&);
void mq_message(Stage&);
void mq_full(Stage&);
void mq_charged(Stage&);
// descriptors and pipes
void pipe_size(Stage&);
void pipe_pages(Stage&);
void pipe_full(Stage&);
void descriptors(Stage&);
void in_flight(Stage&);
void in_message(Stage&);
void event_counter(Stage&);
void watch_instances(Stage&);
void watches(Stage&);
void epoll_watches(Stage&);
void rings(Stage&);
void contexts(Stage&);
void record_locks(Stage&);
// processes and memory
void signals(Stage&);
void processes(Stage&);
void process_numbers(Stage&);
void file_size(Stage&);
void locked_memory(Stage&);
void huge_pages(Stage&);
void mappings(Stage&);
void shm_space(Stage&);
void shm_names(Stage&);
void name_length(Stage&);
template <unsigned Kind>
void namespaces(Stage&);
// sockets
void receive_buffer(Stage&);
void send_buffer(Stage&);
void option_memory(Stage&);
void socket_buffer(Stage&);
void backlog(Stage&);
void datagrams(Stage&);
void udp_queue(Stage&);
void ports(Stage&);
void socket_path(Stage&);

}  // namespace wye::sys::trial
