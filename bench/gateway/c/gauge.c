#include "gauge.h"

#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

int64_t now_ns(void) { return read_ns(CLOCK_MONOTONIC); }

int64_t cpu_ns(void) { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

void gauge_add(struct gauge *gauge, int64_t ns) {
    int64_t step = ns / (GAUGE_STEP_US * 1000);
    gauge->steps[step < 0 ? 0 : step >= GAUGE_STEPS ? GAUGE_STEPS - 1 : step]++;
    gauge->count++;
    if (ns > gauge->max_ns) gauge->max_ns = ns;
}

void gauge_clear(struct gauge *gauge) { memset(gauge, 0, sizeof *gauge); }

double gauge_ms(const struct gauge *gauge, double share) {
    uint64_t wanted = (uint64_t)(gauge->count * share), seen = 0;
    if (gauge->count == 0) return 0;
    for (int step = 0; step < GAUGE_STEPS; step++) {
        seen += gauge->steps[step];
        if (seen > wanted) return (step + 1) * GAUGE_STEP_US / 1000.0;
    }
    return gauge->max_ns / 1e6;
}
