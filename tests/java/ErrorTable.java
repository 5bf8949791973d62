import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;

/**
 * The Java client's table of error codes: "code name retriable" per line.
 *
 * java -cp 'JARS/*' ErrorTable.java
 */
public final class ErrorTable {
    public static void main(String[] arguments) {
        for (Errors error : Errors.values())
            System.out.println(error.code() + " " + error.name() + " " + (error.exception() instanceof RetriableException));
    }
}
