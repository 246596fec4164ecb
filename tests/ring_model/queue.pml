/* A queue's head and cells (include/wye/transport/shm_ring/queue.hpp): two workers, one of whom dies anywhere, and who
 * repairs what he had, twice: the first time he may be cut short himself.
 *
 * BUG 1: who comes next does not mark the last one's cell. 2: the repair frees a claimed cell without a look at the
 * head. 3: repaired without a proof of death. 4: marked without a look whether it is the head's job.
 */
#ifndef BUG
#define BUG 0
#endif
#define JOBS 3
#define CELLS 3
#define NONE 15

mtype = { free, reserved, claiming, taken, returned };
typedef Cell { mtype state; byte mark, use, at; byte position }
Cell cell[CELLS];
byte head = 0, head_cell = NONE; /* one word */
byte finished[JOBS];
byte all_finished = 0;
bool died = false;

#define some_returned (cell[0].state == returned || cell[1].state == returned || cell[2].state == returned)
#define may_die if :: mortal && !died -> died = true; goto dead :: true fi

/* The first cell in this state becomes ours; NONE: there is none. */
inline claim(from, to, which) {
    which = NONE;
    i = 0;
    do
    :: i < CELLS && which == NONE ->
        d_step {
            if
            :: cell[i].state == from ->
                cell[i].state = to; cell[i].mark = me; cell[i].use++; which = i
            :: else
            fi
        };
        i++
    :: else -> break
    od
}

proctype worker(byte me; bool mortal) {
    byte i, mine = NONE, job, seen, seen_cell, use;
    bool swapped;
    do
    :: all_finished < JOBS ->
        claim(returned, taken, job);
        may_die;
        if :: job != NONE -> goto have :: else fi;
        if :: mine == NONE -> claim(free, reserved, mine) :: else fi;
        may_die;
        d_step { seen = head; seen_cell = head_cell };
        if
        :: seen == JOBS ->
            head != seen || some_returned || all_finished == JOBS;
            goto next
        :: else
        fi;
        /* prepare() */
        d_step { cell[mine].state = reserved; cell[mine].use++ };
        may_die;
        cell[mine].position = seen + 1;
        may_die;
        cell[mine].state = claiming;
        may_die;
        /* settle_last() */
        if
        :: seen_cell != NONE && BUG != 1 ->
            d_step { swapped = cell[seen_cell].state == claiming; use = cell[seen_cell].use };
            if
            :: swapped && (cell[seen_cell].position == seen || BUG == 4) ->
                d_step {
                    if
                    :: cell[seen_cell].state == claiming && cell[seen_cell].use == use -> cell[seen_cell].state = taken
                    :: else
                    fi
                }
            :: else
            fi
        :: else
        fi;
        may_die;
        d_step {
            swapped = (head == seen && head_cell == seen_cell);
            if :: swapped -> head = seen + 1; head_cell = mine :: else fi
        };
        may_die;
        if :: !swapped -> goto next :: else fi;
        job = mine;
        mine = NONE;
have:
        assert(finished[cell[job].position - 1] == 0);
        may_die;
        atomic { /* done() */
            finished[cell[job].position - 1]++;
            all_finished++;
            cell[job].use++;
            if
            :: mine == NONE -> cell[job].state = reserved; mine = job
            :: else -> cell[job].state = free; cell[job].mark = 0
            fi
        };
next:
        skip
    :: else -> break
    od;
    if :: mine != NONE -> d_step { cell[mine].state = free; cell[mine].mark = 0 } :: else fi;
dead:
    skip
}

proctype burier(byte dead_one) {
    byte i, round = 0, seen, seen_cell, use;
    mtype state;
    bool cut, swapped;
end:
    died || BUG == 3;
    do
    :: round < 2 ->
        i = 0;
        cut = false;
        do
        :: i < CELLS && !cut ->
            if :: round == 0 -> cut = true :: true fi;
            d_step { state = cell[i].state; use = cell[i].use };
            if
            :: cell[i].mark != dead_one -> i++
            :: else ->
                d_step { seen = head; seen_cell = head_cell };
                swapped = (state == taken || (state == claiming && BUG != 2 && seen == cell[i].position && seen_cell == i));
                d_step {
                    if
                    :: cell[i].state == state && cell[i].use == use && cell[i].mark == dead_one ->
                        cell[i].state = (swapped -> returned : free); cell[i].mark = 0; i++
                    :: else
                    fi
                }
            fi
        :: else -> break
        od;
        round++
    :: else -> break
    od
}

init {
    byte i = 0;
    atomic {
        do :: i < CELLS -> cell[i].state = free; i++ :: else -> break od;
        run worker(1, true); run worker(2, false); run burier(1)
    };
    timeout;
    assert(all_finished == JOBS); /* none lost, */
    i = 0;
    do
    :: i < JOBS -> assert(finished[i] == 1); i++ /* none done twice, */
    :: else -> break
    od;
    i = 0;
    do
    :: i < CELLS -> assert(cell[i].state == free); i++ /* no cell lost */
    :: else -> break
    od
}
