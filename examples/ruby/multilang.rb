# The MultiLang protocol in Ruby, from the child's side, for processors that want no gem.
#
#     MultiLang.run(processor)
#
# calls, in this order and never two at a time:
#
#     start(shard_id, sequence_number, sub_sequence_number)    once
#     records(records, millis_behind_latest, checkpointer)     any number of times
#     shard_ended(checkpointer)                                must checkpoint
#     lease_lost                                               may not
#     shutdown_requested(checkpointer)                         may; lease_lost follows
#
# and ends with the input. What a callback raises ends the process; kcl-host starts it again at the last checkpoint.
require 'base64'
require 'json'

module MultiLang
  # name is what the host calls it: ThrottlingException, ShutdownException, InvalidStateException, …
  class CheckpointError < StandardError
    attr_reader :name

    def initialize(name)
      @name = name
      super("no checkpoint: #{name}")
    end
  end

  # data is decoded, whatever bytes it holds.
  Record = Struct.new(:sequence_number, :sub_sequence_number, :partition_key, :arrived_ms, :data) do
    def self.of(member)
      new(member.fetch('sequenceNumber'), member.fetch('subSequenceNumber'), member.fetch('partitionKey'),
          member.fetch('approximateArrivalTimestamp'), Base64.strict_decode64(member.fetch('data')))
    end
  end

  # One JSON object a line, both ways.
  class Wire
    def initialize(input, output)
      @input = input.set_encoding('UTF-8')
      @output = output
    end

    # nil at the end of the input.
    def read
      line = @input.gets
      line && JSON.parse(line)
    end

    def write(message)
      @output.write("#{JSON.generate(message)}\n")
      @output.flush
    end
  end

  class Checkpointer
    def initialize(wire)
      @wire = wire
    end

    # Without a number: everything that was delivered so far.
    def checkpoint(sequence_number = nil, sub_sequence_number = nil)
      @wire.write(action: 'checkpoint', sequenceNumber: sequence_number, subSequenceNumber: sub_sequence_number)
      answer = @wire.read or raise EOFError, 'the host went away'
      raise CheckpointError, 'InvalidStateException' unless answer['action'] == 'checkpoint'
      raise CheckpointError, answer['error'] if answer['error']
    end
  end

  def self.run(processor, input = $stdin, output = $stdout)
    wire = Wire.new(input, output)
    checkpointer = Checkpointer.new(wire)
    while (message = wire.read)
      perform(processor, message, checkpointer)
      wire.write(action: 'status', responseFor: message['action'])
    end
  end

  def self.perform(processor, message, checkpointer)
    case message['action']
    when 'initialize'
      processor.start(message['shardId'], message['sequenceNumber'], message['subSequenceNumber'])
    when 'processRecords'
      processor.records(message['records'].map { |member| Record.of(member) }, message['millisBehindLatest'],
                        checkpointer)
    when 'shardEnded' then processor.shard_ended(checkpointer)
    when 'leaseLost' then processor.lease_lost
    when 'shutdownRequested' then processor.shutdown_requested(checkpointer)
    else raise ArgumentError, "unknown action #{message['action'].inspect}"
    end
  end
end
