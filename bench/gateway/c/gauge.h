/* Clocks, and what is measured with them. */
#ifndef GAUGE_H
#define GAUGE_H

#include <stdint.h>

#define GAUGE_STEP_US 10
#define GAUGE_STEPS 1000001 /* up to 10 s; the last step holds everything beyond */

/* How often a time was seen, to 10 us. */
struct gauge {
    uint64_t count;
    int64_t max_ns;
    uint32_t steps[GAUGE_STEPS];
};

/* CLOCK_MONOTONIC: the same in every process of this machine. */
int64_t now_ns(void);

/* User and system time of this process. */
int64_t cpu_ns(void);

void gauge_add(struct gauge *gauge, int64_t ns);
void gauge_clear(struct gauge *gauge);

/* The time, in milliseconds, that `share` of all stayed within. */
double gauge_ms(const struct gauge *gauge, double share);

#endif
