/* The bell (include/wye/transport/shm_ring/bell.hpp): two sleepers, two wakers, one of whom dies anywhere. Sequentially
 * consistent: the orders are the explorer's business (model.cpp).
 *
 * -DBUG=1: no look after the announcement. 2: the event is not bumped. 3: rung before the message is there. 4: the
 * announcements are a count that is set back to 0.
 */
#ifndef BUG
#define BUG 0
#endif
#define POSTS 2

byte there = 0;            /* messages, each for one */
byte taken = 0;
byte posted = 0;
bool closed = false;       /* somebody found the last one */
byte announced = 0, event = 0;
bool asleep[2];            /* on the futex */
bool died = false;

/* Wakes up to `most`; `woken` of them. One step: the kernel has a lock. */
inline futex_wake(most, woken) {
    d_step {
        woken = 0;
        if :: asleep[0] && woken < most -> asleep[0] = false; woken++ :: else fi;
        if :: asleep[1] && woken < most -> asleep[1] = false; woken++ :: else fi
    }
}
inline ring(most, seen, woken) {
    seen = announced;
    if
    :: (seen & 1) == 0 && BUG != 4 -> skip
    :: seen == 0 && BUG == 4 -> skip
    :: else ->
        if :: BUG != 2 -> event++ :: else fi;
        futex_wake(most, woken);
        if
        :: woken < most ->
            atomic {
                if
                :: announced == seen && BUG == 4 -> announced = 0
                :: announced == seen && BUG != 4 -> announced = seen & 254
                :: else
                fi
            }
        :: else
        fi
    fi
}
#define may_die if :: mortal && !died -> died = true; goto dead :: skip fi

proctype waker(bool mortal) {
    byte seen, woken, n = 0;
    do
    :: n < POSTS ->
        may_die;
        if :: BUG == 3 -> ring(1, seen, woken) :: else fi;
        atomic { there++; posted++ }
        may_die;
        if :: BUG != 3 -> ring(1, seen, woken) :: else fi;
        n++
    :: else -> break
    od;
dead:
    skip
}

/* Whoever sees the death rings for all (State::repair). */
proctype burier() {
    byte seen, woken;
    died -> ring(2, seen, woken)
}

#define all_taken (taken == posted && posted_all)
bool posted_all = false;
proctype last_words() { /* nobody will post any more: as a writer that leaves says */
    byte seen, woken;
    (_nr_pr <= 4 + 1 && (posted == 2 * POSTS || died)) -> posted_all = true;
    ring(2, seen, woken)
}

proctype sleeper(byte me) {
    byte seen, woken, ev;
    bool got;
again:
    do
    :: true ->
        got = false;
        atomic { if :: there > 0 -> there--; taken++; got = true :: else fi }
        if :: got -> skip :: else ->
            if :: all_taken -> break :: else fi;
            ev = event;
            atomic { announced = (BUG == 4 -> announced + 1 : (announced + 2) | 1) }
            if
            :: BUG != 1 ->
                atomic { if :: there > 0 -> there--; taken++; got = true :: else fi }
                if :: got || all_taken -> goto again :: else fi
            :: else
            fi;
            atomic { if :: event == ev -> asleep[me] = true :: else fi };
            !asleep[me]
        fi
    od
}

init {
    atomic {
        run waker(true); run waker(false); run sleeper(0); run sleeper(1); run last_words()
    }
}
