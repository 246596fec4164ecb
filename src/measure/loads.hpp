// The pieces of work that there are, by what they do; which are asked for by what name is in work.cpp.
#pragma once
#include "measure/work.hpp"

namespace wye::measure {

using Load = void(const Work&, Means&, Taken&);

Load latency, throughput, batched, wakeup, rate, alone;  // two
Load fan_out, work_queue, many_woken;                    // one and many
Load request_reply, long_answer, several_asked;
Load growth, channels, idle;           // what it costs to be there
Load open_and_first, loan, worn_loan;  // what happens seldom
Load attach, history;
Load crash;  // what befalls one of two
Load sender_killed, sender_zombie, sender_of_user, sender_in_pidns, sender_stopped;
Load receiver_killed, receiver_zombie, receiver_of_user, receiver_in_pidns, receiver_stopped;

}  // namespace wye::measure
