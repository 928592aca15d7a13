/* seam.h - where the shipped engine meets the in-memory world.
 *
 *     hands, door ──process_start, timer_set, clock_boot_ns …──▶ seam.c ──▶ sim_process_start …
 *
 * seam.c defines the functions of process.h, probe.h, ports.h, journal.h, views.h and loop.h that
 * the hands and the door call, under their real names: a program that links it gets the shipped
 * engine on a world in memory. What lies in the same object as things that are wanted for real
 * (clocks, files, the log) is put in its place by the linker (--wrap, see meson.build). Each thread
 * has a world of its own. */
#ifndef TEND_TESTS_SIMULATE_SEAM_H
#define TEND_TESTS_SIMULATE_SEAM_H

#include "drive/sim/sim.h"

/* The world that this thread's calls go to; NULL: clocks and files are the real ones. */
void seam_use(struct sim *s);
struct sim *seam_sim(void);

/* What the hands take for the loop, the journal and the views: never looked into. */
struct loop *seam_loop(void);
struct journal *seam_journal(void);
struct views *seam_views(void);

/* Files below the state directory of whoever runs: "…/objects/DIGEST". NULL: none are kept. */
struct map;
void seam_keep_files(struct map *files); /* path -> text, both owned by who hands it in */

#endif
