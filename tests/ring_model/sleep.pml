/* The bell (include/wye/transport/shm_ring/bell.hpp): a sleeper, and two wakers, one of whom dies anywhere. Sequentially
 * consistent: the orders, and a second sleeper, are the explorer's business.
 *
 * BUG 1: no look after the announcement. 2: the event is not bumped. 3: rung before the message is there. 4: the
 * announcements are a count that is set back to 0. 5: nobody rings for the dead one.
 */
#ifndef BUG
#define BUG 0
#endif

byte there = 0; /* messages, each for one */
byte announced = 0, event = 0;
bool asleep = false; /* on the futex */
bool died = false;

#define may_die if :: mortal && !died -> died = true; goto dead :: true fi

/* In one step: the kernel has a lock. */
inline futex_wake() {
    d_step {
        woken = 0;
        if :: asleep -> asleep = false; woken = 1 :: else fi
    }
}
inline ring() {
    seen = announced;
    if
    :: (BUG != 4 && (seen & 1) == 0) || seen == 0 -> skip
    :: else ->
        may_die;
        if :: BUG != 2 -> event++ :: else fi;
        may_die;
        futex_wake();
        may_die;
        if
        :: woken == 0 -> d_step { if :: announced == seen -> announced = (BUG == 4 -> 0 : seen & 254) :: else fi }
        :: else
        fi;
        woken = 0
    fi;
    seen = 0
}

proctype waker(bool mortal; byte posts) {
    byte seen, woken;
    do
    :: posts > 0 ->
        if :: BUG == 3 -> ring() :: else fi;
        may_die;
        there++;
        may_die;
        if :: BUG != 3 -> ring() :: else fi;
        posts--
    :: else -> break
    od;
dead:
    skip
}

/* Whoever finds him dead rings for all. */
proctype burier() {
    byte seen, woken;
    bool mortal = false;
end:
    died && BUG != 5;
    ring();
dead:
    skip
}

inline take() {
    d_step { got = there > 0; if :: got -> there-- :: else fi }
}
proctype sleeper() {
    byte seen;
    bool got;
    do
    :: true ->
        take();
        if
        :: got -> skip
        :: else ->
            seen = event;
            d_step { announced = (BUG == 4 -> announced + 1 : (announced + 2) | 1) };
            if :: BUG != 1 -> take() :: else fi;
            if
            :: got -> seen = 0
            :: else ->
                d_step { asleep = (event == seen); seen = 0 };
end:            !asleep
            fi
        fi
    od
}

init {
    atomic { run waker(true, 1); run waker(false, 2); run sleeper(); run burier() };
    timeout;
    assert(there == 0) /* nobody sleeps beside a message */
}
