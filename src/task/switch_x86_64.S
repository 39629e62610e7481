/*
 * switch_x86_64.S - six callee-saved registers and a jump.
 *
 * The System V ABI keeps rbx, rbp and r12 to r15 across calls, and the control
 * words of SSE and x87 are a thread's business that tasks do not change. The
 * return is a jump: a ret to an address that no call pushed mispredicts each
 * time and costs three times as much.
 */
    .text

    .globl  tn__switch
    .hidden tn__switch
    .type   tn__switch, @function
    .p2align 4
tn__switch:
    .cfi_startproc
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp
    popq    %r15
    .cfi_adjust_cfa_offset -8
    popq    %r14
    .cfi_adjust_cfa_offset -8
    popq    %r13
    .cfi_adjust_cfa_offset -8
    popq    %r12
    .cfi_adjust_cfa_offset -8
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    popq    %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register %rip, %rcx
    jmp     *%rcx
    .cfi_endproc
    .size   tn__switch, . - tn__switch

/* A fresh stack starts here, its argument in r12. Nobody called it: that is
   what a debugger's backtrace learns. */
    .type   entry, @function
    .p2align 4
entry:
    .cfi_startproc
    .cfi_undefined %rip
    movq    %r12, %rdi
    call    tn__task_main
    ud2
    .cfi_endproc
    .size   entry, . - entry

/* void *tn__switch_init(void *top, void *arg) */
    .globl  tn__switch_init
    .hidden tn__switch_init
    .type   tn__switch_init, @function
    .p2align 4
tn__switch_init:
    .cfi_startproc
    leaq    entry(%rip), %rcx
    movq    %rcx, -8(%rdi)
    xorl    %ecx, %ecx
    movq    %rcx, -16(%rdi)
    movq    %rcx, -24(%rdi)
    movq    %rsi, -32(%rdi)
    movq    %rcx, -40(%rdi)
    movq    %rcx, -48(%rdi)
    movq    %rcx, -56(%rdi)
    leaq    -56(%rdi), %rax
    ret
    .cfi_endproc
    .size   tn__switch_init, . - tn__switch_init

    .section .note.GNU-stack, "", @progbits
