/*
 * switch_aarch64.S - x19 to x30 and d8 to d15, as the AAPCS64 keeps them.
 *
 * The jump goes through x16, which a branch-target check accepts (BTI c).
 */
    .text

    .globl  tn__switch
    .hidden tn__switch
    .type   tn__switch, %function
    .p2align 4
tn__switch:
    .cfi_startproc
    hint    #34
    sub     sp, sp, #160
    .cfi_adjust_cfa_offset 160
    stp     x19, x20, [sp, #0]
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    .cfi_rel_offset x29, 80
    .cfi_rel_offset x30, 88
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    mov     x9, sp
    str     x9, [x0]
    mov     sp, x1
    ldp     x19, x20, [sp, #0]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    add     sp, sp, #160
    .cfi_adjust_cfa_offset -160
    .cfi_restore x29
    .cfi_restore x30
    mov     x16, x30
    br      x16
    .cfi_endproc
    .size   tn__switch, . - tn__switch

/* A fresh stack starts here, its argument in x19. */
    .type   entry, %function
    .p2align 4
entry:
    .cfi_startproc
    .cfi_undefined x30
    hint    #34
    mov     x0, x19
    bl      tn__task_main
    brk     #1
    .cfi_endproc
    .size   entry, . - entry

/* void *tn__switch_init(void *top, void *arg) */
    .globl  tn__switch_init
    .hidden tn__switch_init
    .type   tn__switch_init, %function
    .p2align 4
tn__switch_init:
    .cfi_startproc
    hint    #34
    sub     x0, x0, #160
    str     x1, [x0, #0]
    str     xzr, [x0, #80]
    adr     x9, entry
    str     x9, [x0, #88]
    ret
    .cfi_endproc
    .size   tn__switch_init, . - tn__switch_init

    .section .note.GNU-stack, "", %progbits
